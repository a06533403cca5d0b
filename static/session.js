// Reloads a page that the browser shows again, by Back or Forward, after its session has ended.

// The server lets a browser keep private pages only if this script can check them.
document.cookie = "scripts=1; Path=/; SameSite=Lax";

const meta = document.querySelector("meta[name=session-mark]");

const isCurrent = () =>
  document.cookie.split("; ").includes(`${meta.dataset.cookie}=${meta.content}`);

function check(event) {
  const [navigation] = performance.getEntriesByType("navigation");
  const isShownAgain = event.persisted || navigation?.type === "back_forward";
  if (!isShownAgain || isCurrent()) return;
  document.documentElement.hidden = true;
  location.reload();
}

if (meta) addEventListener("pageshow", check);
