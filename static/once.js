// Submits a form once: a second click does nothing while the response is on its way.

let sent = new WeakSet();

document.addEventListener("submit", event => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  // Chromium keeps a changed hidden field for Back, so that the same text has the same key.
  form.elements.key?.setAttribute("value", form.elements.key.value);
  // The user may have stopped the request.
  setTimeout(() => sent.delete(form), 5_000);
});

// The back/forward cache keeps the page with its forms.
addEventListener("pageshow", () => (sent = new WeakSet()));
