"""`nurture`: the command line. Every command is listed here; what needs time to load is imported inside it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from engine.cli import (
    authoring,
    contacts,
    doctor,
    hearing,
    importing,
    previewing,
    running,
    seeing,
    signed,
    signing,
    status,
    taking,
    trying,
    why,
)
from engine.cli import tasks as duties
from engine.cli.opening import Asked
from engine.cli.refusing import INTERRUPTED, No, surprise, told

_CODES = """Exit codes: 0 done. 1 it failed, or something was found wrong. 2 the command was not understood.
3 what was named is not there. 130 ended by Ctrl+C."""


class Commands(TyperGroup):
    """The commands; whatever goes wrong in one is told in plain sentences on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, EOFError, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            asked = ctx.obj if isinstance(ctx.obj, Asked) else Asked()
            no = told(error)
            if no is None and asked.traceback:
                raise
            raise typer.Exit(_said(no or surprise(error))) from None


def _said(no: No) -> int:
    for sentence in no.sentences:
        typer.echo(sentence, err=True)
    return no.code


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it is there at once
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_CODES,
)


@app.callback()
def _asked(
    ctx: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(help="The folder of settings.toml. Without it NURTURE_PROJECT, else the current folder."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Another database than settings say. A password belongs into NURTURE_DATABASE__URL."
        ),
    ] = None,
    traceback: Annotated[bool, typer.Option("--traceback", hidden=True)] = False,
) -> None:
    """Email and text campaigns for a clinic's enquirers and patients: well timed, consented, sent once."""
    ctx.obj = Asked(project, database, traceback)


tasks = typer.Typer(rich_markup_mode=None, invoke_without_command=True, help="What people at the clinic must do.")
tasks.callback()(duties.tasks)
tasks.command("show")(duties.task_shown)
tasks.command("done")(duties.task_done)

contact = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="The people we may write to.")
contact.command("list")(contacts.listed)
contact.command("show")(contacts.shown)
contact.command("pause")(contacts.pause)
contact.command("resume")(contacts.resume)

# Writing campaigns
app.command("check")(authoring.check)
app.command("preview")(previewing.preview)
app.command("signoff")(signing.signoff)
app.command("signoffs")(signed.signoffs)
app.command("settings")(authoring.settings)
app.command("schema")(authoring.schema)
# What happens at the clinic
app.command("import")(importing.import_file)
app.command("event")(taking.event)
app.command("enrol")(taking.enrol)
app.command("reply")(hearing.reply)
app.command("receipt")(hearing.receipt)
# Running
app.command("run")(running.run)
app.command("tick")(running.tick)
app.command("pause")(running.pause)
app.command("resume")(running.resume)
app.command("migrate")(authoring.migrate)
app.command("doctor")(doctor.doctor)
app.command("send-test")(trying.send_test)
# Seeing what happened, and why
app.command("status")(status.status)
app.command("log")(seeing.log)
app.command("why")(why.why)
app.command("message")(seeing.message)
app.command("settle")(duties.settle)
app.add_typer(tasks, name="tasks")
app.add_typer(contact, name="contact")

try:
    from engine.cli import demo
except ModuleNotFoundError as missing:
    if missing.name != "engine.cli.demo":
        raise
else:
    app.command("demo")(demo.demo)


def main() -> None:
    """The program `nurture`."""
    app(prog_name="nurture")


__all__ = ["app", "main"]
