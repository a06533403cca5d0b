// Asks before something is deleted, on the page where one is. The question is the one of the page
// that the link leads to.

const selector = `a:is([href^="/message/"], [href="/settings/account/delete"])[href$="/delete"]`;

/** Whether a question is on its way. */
let asking = false;

document.addEventListener("click", event => {
  const link = event.target.closest?.(selector);
  const plain = event.button === 0 && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !plain) return;
  event.preventDefault();
  if (asking) return;
  asking = true;
  ask(link.href).catch(() => location.assign(link.href)).finally(() => (asking = false));
});

async function ask(url) {
  const response = await fetch(url);
  if (!response.ok || response.redirected) throw new Error(response.status);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const dialog = document.createElement("dialog");
  const heading = page.querySelector("h2");
  heading.id = "question";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(...page.querySelector("main").children);
  dialog.addEventListener("close", () => dialog.remove());
  // Besides the answer there is only the way back.
  dialog.addEventListener("click", event => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    const beside = event.target === dialog && (x < left || x > right || y < top || y > bottom);
    if (!beside && !event.target.closest("a")) return;
    event.preventDefault();
    dialog.close();
  });
  // What cannot be undone is not what a key pressed too early does.
  dialog.querySelector("a").autofocus = true;
  document.body.append(dialog);
  dialog.showModal();
}
