// Asks for confirmation of a deletion in a dialog, which shows the content of the linked page.

const selector = `a:is([href^="/message/"], [href="/settings/account/delete"])[href$="/delete"]`;

let loading = false;

document.addEventListener("click", event => {
  const link = event.target.closest?.(selector);
  const isPlainClick = event.button === 0 && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !isPlainClick) return;
  event.preventDefault();
  if (loading) return;
  loading = true;
  openDialog(link.href).catch(() => location.assign(link.href)).finally(() => (loading = false));
});

async function openDialog(url) {
  const response = await fetch(url);
  if (!response.ok || response.redirected) throw new Error(response.status);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const dialog = document.createElement("dialog");
  const heading = page.querySelector("h2");
  heading.id = "dialog-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(...page.querySelector(".body").children);
  dialog.addEventListener("close", () => dialog.remove());
  // A click outside the dialog, or on its link back, closes it.
  dialog.addEventListener("click", event => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    const isOutside = event.target === dialog && (x < left || x > right || y < top || y > bottom);
    if (!isOutside && !event.target.closest("a")) return;
    event.preventDefault();
    dialog.close();
  });
  // Focuses the link back, so that an accidental key press deletes nothing.
  dialog.querySelector("a").autofocus = true;
  document.body.append(dialog);
  dialog.showModal();
}
