// Says how many characters are left in the box of a message.

/** From so few on they are told to whoever does not see them. */
const few = 20;

/** As the server counts: by code points. */
const count = text => [...text].length;

function words(left) {
  const number = Math.abs(left);
  return `${number} ${number === 1 ? "character" : "characters"} ${left < 0 ? "too many" : "left"}`;
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

for (const box of document.querySelectorAll("[data-limit]")) {
  const shown = element("p", { className: "counter", id: "counter" });
  const told = element("p", { className: "told", role: "status" });
  box.after(shown, told);
  const described = box.getAttribute("aria-describedby");
  box.setAttribute("aria-describedby", [described, shown.id].filter(Boolean).join(" "));
  let pause;
  const update = () => {
    const left = box.dataset.limit - count(box.value);
    shown.textContent = words(left);
    shown.classList.toggle("over", left < 0);
    box.setAttribute("aria-invalid", left < 0);
    // Not at each key, but when somebody pauses.
    clearTimeout(pause);
    pause = setTimeout(() => {
      told.textContent = left <= few ? words(left) : "";
    }, 500);
  };
  box.addEventListener("input", update);
  update();
}
