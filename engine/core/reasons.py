"""Every reason a decision can give: one stable word, and the sentence staff read."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a message was, or was not, sent. The text value is what the send log stores."""

    # sends
    DUE = "due"  # the step fell due and everything allowed it
    # waits: nothing is written, the enrolment is looked at again later
    NOT_DUE = "not_due"
    QUIET_HOURS = "quiet_hours"
    SEND_WINDOW = "send_window"
    CAP = "cap"
    PRIORITY = "priority"
    AWAITING_OUTCOME = "awaiting_outcome"
    PERSON_PAUSED = "person_paused"
    CAMPAIGN_PAUSED = "campaign_paused"
    CAMPAIGN_BROKEN = "campaign_broken"
    PROVIDER_PAUSED = "provider_paused"
    SLOW_DOWN = "slow_down"
    PACE = "pace"
    UNREACHED = "unreached"
    NOT_BEGUN = "not_begun"
    TRY_LATER = "try_later"
    # skips: the step is settled without a message
    CONDITION = "condition"
    LATE = "late"
    BEGUN = "begun"
    SUPERSEDED = "superseded"
    NOT_IN_TIME = "not_in_time"
    NO_OPEN_MOMENT = "no_open_moment"
    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    STOPPED = "stopped"
    SUPPRESSED = "suppressed"
    TASK_INSTEAD = "task_instead"
    # holds: somebody must repair something first
    MISSING_VALUE = "missing_value"
    CONDITION_ERROR = "condition_error"
    TEMPLATE_BROKEN = "template_broken"
    PHI_PROVIDER = "phi_provider"
    CONTENT = "content"
    UNSIGNED = "unsigned"
    # cancels: something happened before it went
    EXITED = "exited"
    MOVED = "moved"
    REVOKED = "revoked"
    # outcomes
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ADDRESS_BLOCKED = "address_blocked"
    TRIES_USED_UP = "tries_used_up"
    NO_ANSWER = "no_answer"
    PROCESS_DIED = "process_died"
    EVIDENCE = "evidence"
    SETTLED_BY_STAFF = "settled_by_staff"
    REPORTED = "reported"
    # enrolments
    COMPLETED = "completed"
    UNREACHABLE = "unreachable"


SENTENCES: dict[Reason, str] = {
    Reason.DUE: "It fell due, and consent, hours and caps allowed it.",
    Reason.NOT_DUE: "It is not due yet.",
    Reason.QUIET_HOURS: "The law's quiet hours were on in a place where this person may be.",
    Reason.SEND_WINDOW: "The campaign's own send window was closed.",
    Reason.CAP: "This person, or somebody at the same address, has had as many messages as the cap allows.",
    Reason.PRIORITY: "A campaign of higher priority wants this person today.",
    Reason.AWAITING_OUTCOME: "The step before it is not settled yet.",
    Reason.PERSON_PAUSED: "Automation is paused for this person until staff let it go on.",
    Reason.CAMPAIGN_PAUSED: "The campaign is paused.",
    Reason.CAMPAIGN_BROKEN: "The campaign's file is broken; its people wait until it is repaired.",
    Reason.PROVIDER_PAUSED: "The provider is paused: it refuses us or cannot be reached; it stands in `nurture tasks`.",
    Reason.SLOW_DOWN: "The provider asked us to send more slowly.",
    Reason.PACE: "Its sender has sent as much as its rate or its day allows.",
    Reason.UNREACHED: "The provider could not be reached, so it surely did not go; it is tried again.",
    Reason.TRY_LATER: "The provider asked us to try again later.",
    Reason.NOT_BEGUN: "The engine ended, or was held up, before its call began; it goes at the next look.",
    Reason.CONDITION: "The step's own condition (`if`) was not met.",
    Reason.LATE: "It would have come too late by the step's `late` rule.",
    Reason.BEGUN: "What it would remind of had already begun.",
    Reason.SUPERSEDED: "A later reminder of the same thing was due as well; one is enough.",
    Reason.NOT_IN_TIME: "Its moment had passed before we knew of the date it counts from.",
    Reason.NO_OPEN_MOMENT: "No allowed moment was left for it.",
    Reason.NO_ADDRESS: "There is no usable address for this channel.",
    Reason.NO_CONSENT: "There is no consent for this channel and purpose.",
    Reason.STOPPED: "This number answered STOP.",
    Reason.SUPPRESSED: "This address is suppressed.",
    Reason.TASK_INSTEAD: "No channel reaches this person for it, so a staff task was made.",
    Reason.MISSING_VALUE: "The words need a value that this person's record does not have.",
    Reason.CONDITION_ERROR: "The step's condition (`if`) uses a value that is not there.",
    Reason.TEMPLATE_BROKEN: "The words' file is broken or missing.",
    Reason.PHI_PROVIDER: "It tells something about the person's health, and no provider that is set up may carry that.",
    Reason.CONTENT: "Its words break a rule on what may be said (`nurture check`).",
    Reason.UNSIGNED: "Not every role has signed these words; it goes once they have (`nurture signoffs`).",
    Reason.EXITED: "The person left the campaign before it went.",
    Reason.MOVED: "The date it counts from was moved.",
    Reason.REVOKED: "The person said no before it went.",
    Reason.ACCEPTED: "The provider accepted it.",
    Reason.REFUSED: "The provider refused it.",
    Reason.ADDRESS_BLOCKED: "The provider says this address takes no messages; it is suppressed.",
    Reason.TRIES_USED_UP: "The provider kept asking for later; the tries are used up.",
    Reason.NO_ANSWER: "The call ended without an answer; whether it went is not known yet.",
    Reason.PROCESS_DIED: "The process ended during the call; whether it went is not known yet.",
    Reason.EVIDENCE: "The provider was asked afterwards and showed what became of it.",
    Reason.SETTLED_BY_STAFF: "A person at the clinic decided it.",
    Reason.REPORTED: "The provider's receipt says so.",
    Reason.COMPLETED: "Every step is settled.",
    Reason.UNREACHABLE: "No consented address is left for this campaign.",
}
