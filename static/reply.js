// The key R replies to the message that has the focus.

document.addEventListener("keydown", event => {
  const { key, target, ctrlKey, metaKey, altKey, defaultPrevented } = event;
  if (key.toLowerCase() !== "r" || ctrlKey || metaKey || altKey || defaultPrevented) return;
  if (target.matches("input, textarea, select")) return;
  target.closest(".messages > li")?.querySelector("a.reply")?.click();
});
