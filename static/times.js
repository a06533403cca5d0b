// Shows times relative to now, with the exact time as the title. Dates without a time stay unchanged.

const units = [
  ["year", 31_556_952],
  ["month", 2_629_746],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language);
const absolute = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });

function ago(time) {
  // A time in the future comes from a wrong clock.
  const seconds = Math.min(0, (time - Date.now()) / 1_000);
  const unit = units.find(([, length]) => Math.abs(seconds) >= length);
  return unit ? relative.format(Math.trunc(seconds / unit[1]), unit[0]) : "just now";
}

function update() {
  for (const element of document.querySelectorAll(`time[datetime*="T"]`)) {
    const time = Date.parse(element.dateTime);
    const text = ago(time);
    if (element.textContent === text) continue;
    element.textContent = text;
    element.title = absolute.format(time);
  }
}

update();
// Updates elements that other scripts add, and outdated texts.
new MutationObserver(update).observe(document.body, { childList: true, subtree: true });
setInterval(update, 30_000);
