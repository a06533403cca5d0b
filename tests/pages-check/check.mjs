// Fills an empty server, and checks its pages: with Lighthouse, on its mobile profile, the pages that new
// visitors open; with axe, every page in the light and the dark scheme.
//
// Usage: node check.mjs BASE CHROMIUM

import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const [base, executablePath] = process.argv.slice(2);
const password = "super secret";
const failures = [];

const chromiumFlags = ["--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--no-proxy-server"];
// The sandbox does not run as root.
if (process.getuid?.() === 0) chromiumFlags.push("--no-sandbox");

async function call(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${base}/api/v1${path}`, {
    method: "POST", headers, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function signUp(username) {
  await call("/users", { username, email: "someone@example.org", password });
  return (await call("/tokens", { username, password, name: "pages-check" })).token;
}

/** Creates two users and more messages than a page holds. Returns the id of the newest message. */
async function populate() {
  const tokens = [await signUp("Milada"), await signUp("Tomasz")];
  const texts = [
    "Up before the tram. The canal was like glass, and two herons argued about it. #canal",
    "@Milada the library is open on Sundays again, see https://example.org/library",
    "Repaired my grandmother's radio: one capacitor and a lot of patience. #radio",
    "w".repeat(280),
  ];
  let message;
  for (let number = 0; number < 32; number += 1) {
    const text = `${texts[number % texts.length].slice(0, 275)} ${number}`;
    message = await call("/messages", { text }, tokens[number % 2]);
  }
  return message.id;
}

/** The median of three scores. If the first two are equal, a third cannot change it. */
async function median(score) {
  const scores = [await score(), await score()];
  if (scores[0] !== scores[1]) scores.push(await score());
  return scores.sort((a, b) => a - b)[1];
}

async function checkWithLighthouse(browser, path) {
  const port = Number(new URL(browser.wsEndpoint()).port);
  const worst = {};
  const performance = await median(async () => {
    const { lhr } = await lighthouse(base + path, { port, output: "json", logLevel: "error" });
    if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
    for (const { id, score, auditRefs } of Object.values(lhr.categories)) {
      worst[id] = Math.min(worst[id] ?? 1, score);
      if (score === 1) continue;
      for (const { id: audit, weight } of auditRefs) {
        const { score, title, displayValue = "" } = lhr.audits[audit];
        if (weight > 0 && score !== null && score < 1) console.log(`  ${audit}: ${title} ${displayValue}`);
      }
    }
    return lhr.categories.performance.score;
  });
  // The performance score is the median, because it alone depends on the load of the machine.
  const scores = { ...worst, performance };
  const shown = Object.entries(scores).map(([name, score]) => `${name} ${Math.round(score * 100)}`);
  console.log(`lighthouse ${path}: ${shown.join(", ")}`);
  if (Object.values(scores).some(score => score !== 1)) failures.push(`lighthouse ${path}: ${shown.join(", ")}`);
}

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Checks the current content of `page`. */
async function checkWithAxe(page, description) {
  // The debugger runs scripts that the page's Content-Security-Policy forbids.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  for (const { id, help, nodes } of found) {
    const where = nodes.map(node => node.target.join(" ")).slice(0, 5).join("; ");
    failures.push(`axe ${description}: ${id} (${help}) at ${where}`);
  }
  console.log(`axe ${description}: ${found.length} violations`);
}

async function checkInBothSchemes(page, path, status, prepare = async () => {}) {
  for (const [width, height] of [[360, 760], [1280, 800]]) {
    await page.setViewport({ width, height });
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value },
        { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      const response = await page.goto(base + path, { waitUntil: "load" });
      if (response.status() !== status) failures.push(`${path}: ${response.status()}`);
      await prepare(page);
      await checkWithAxe(page, `${path} ${value} ${width}`);
    }
  }
}

const browser = await puppeteer.launch({ executablePath, args: chromiumFlags });
try {
  const id = await populate();
  for (const path of lighthousePages(id)) await checkWithLighthouse(browser, path);
  const page = await browser.newPage();
  // With the cache, the status of an unchanged page would be 304.
  await page.setCacheEnabled(false);
  for (const path of signedOutPages(id)) await checkInBothSchemes(page, path, 200);
  await checkInBothSchemes(page, "/unknown", 404);
  await page.goto(`${base}/login`);
  await page.type("[name=username]", "Tomasz");
  await page.type("[name=password]", password);
  await Promise.all([page.waitForNavigation(), page.click("[type=submit]")]);
  for (const path of signedInPages(id)) await checkInBothSchemes(page, path, 200);
  await checkInBothSchemes(page, "/", 200, openDialog);
} finally {
  await browser.close();
}
console.log(failures.length ? failures.join("\n") : "all checks passed");
process.exitCode = failures.length ? 1 : 0;

/** The pages that new visitors open. */
function lighthousePages(id) {
  return ["/public", "/login", "/Milada", `/message/${id}`, "/search?q=herons"];
}

function signedOutPages(id) {
  return [
    "/public", "/login", "/register", "/Milada", "/Milada/followers", "/Milada/following",
    `/message/${id}`, "/tag/canal", "/search", "/search?q=herons", "/search?q=nothing+like+that",
    "/docs/errors",
  ];
}

function signedInPages(id) {
  return [
    "/", "/public", "/Milada", "/Tomasz", `/message/${id}`, `/message/${id}/edit`, `/message/${id}/reply`,
    `/message/${id}/delete`, "/search?q=herons", "/settings", "/settings/account/delete",
  ];
}

async function openDialog(page) {
  await page.click(".own a[href$='/delete']");
  await page.waitForSelector("dialog[open]");
}
