// Shows how many more characters the field for a message accepts.

/** Screen readers announce the count from this number down. */
const announceFrom = 20;

/** In code points, as the server counts. */
const length = text => [...text].length;

function describe(left) {
  const number = Math.abs(left);
  return `${number} ${number === 1 ? "character" : "characters"} ${left < 0 ? "too many" : "left"}`;
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

for (const field of document.querySelectorAll("[data-limit]")) {
  const counter = element("p", { className: "counter", id: "counter" });
  const status = element("p", { className: "visually-hidden", role: "status" });
  field.after(counter, status);
  const descriptions = field.getAttribute("aria-describedby");
  field.setAttribute("aria-describedby", [descriptions, counter.id].filter(Boolean).join(" "));
  let timer;
  const update = event => {
    const left = field.dataset.limit - length(field.value);
    counter.textContent = describe(left);
    counter.classList.toggle("over", left < 0);
    // Until the user types, the server's verdict stands.
    if (event || left < 0) field.setAttribute("aria-invalid", left < 0);
    // Announce only after a pause in typing.
    clearTimeout(timer);
    timer = setTimeout(() => {
      status.textContent = left <= announceFrom ? describe(left) : "";
    }, 500);
  };
  field.addEventListener("input", update);
  update();
}
