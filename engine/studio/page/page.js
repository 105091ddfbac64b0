"use strict";
// Without this the frames scroll. With it each is as high as its email.
for (const frame of document.querySelectorAll("iframe")) {
  const fit = () => {
    const height = frame.contentDocument?.body?.offsetHeight;
    if (height) frame.parentElement.style.setProperty("--height", `${height}px`);
  };
  frame.addEventListener("load", fit);
  new ResizeObserver(fit).observe(frame);
}
