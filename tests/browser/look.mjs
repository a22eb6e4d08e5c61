// Open pages in a browser at two widths and in two themes: axe-core's findings, and pictures. Of a
// report a case is chosen too.
// node look.mjs BROWSER FOLDER PAGE.html ...: pictures go to FOLDER, findings to standard output.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [browserPath, folder, ...pages] = process.argv.slice(2);
const packages = createRequire(`${resolve(folder)}/`);
const { default: puppeteer } = await import(pathToFileURL(packages.resolve("puppeteer-core")));
const axe = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");
const findings = [];
// Rules that Sphinx and the theme of the site break in every page of a kind.
const THEIRS = ["aria-required-attr", "scrollable-region-focusable", "definition-list"];
const THEME = Object.fromEntries(THEIRS.map((rule) => [rule, { enabled: false }]));

// By keyboard alone: from the filters to the first square, and on to one that failed, if any.
async function choose(page, name, say) {
  await page.focus("#filters button[type=reset]");
  await page.keyboard.press("Tab");
  const [down, right] = await page.$$eval("#matrix .squares", (rows) => {
    const places = rows.map((row) => [...row.children].findIndex((square) => /f\d/.test(square.className)));
    const row = Math.max(places.findIndex((place) => place >= 0), 0);
    return [row, Math.max(places[row], 0)];
  });
  for (let step = 0; step < down; step++) await page.keyboard.press("ArrowDown");
  for (let step = 0; step < right; step++) await page.keyboard.press("ArrowRight");
  const isShown = await page.$eval("#panel", (panel) => !panel.hidden && panel.textContent.length > 0);
  if (!isShown) say({ impact: "critical", id: "keyboard", text: "no case is shown" });
  await page.screenshot({ path: `${folder}/${name}-case.png` });
}

async function look(browser, path, scheme, width) {
  const name = `${basename(path, ".html")}-${width}-${scheme}`;
  const say = (finding) => findings.push({ page: name, ...finding });
  const page = await browser.newPage();
  page.on("pageerror", (error) => say({ impact: "critical", id: "script", text: error.message }));
  page.on("console", (message) => say({ impact: "critical", id: "console", text: message.text() }));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) say({ impact: "critical", id: "request", text: request.url() });
  });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height: width < 500 ? 844 : 900 });
  await page.goto(pathToFileURL(resolve(path)));
  await page.screenshot({ path: `${folder}/${name}-top.png` });
  const isReport = await page.$("#matrix");
  if (isReport) await choose(page, name, say);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) say({ impact: "serious", id: "width", text: `${wide} pixels too wide` });
  // Through the debugger, as the page allows no script but its own.
  const session = await page.createCDPSession();
  await session.send("Runtime.evaluate", { expression: axe });
  const found = await session.send("Runtime.evaluate", {
    expression: `axe.run({ rules: ${JSON.stringify(isReport ? {} : THEME)}, preload: false })
      .then((result) => JSON.stringify(result.violations))`,
    awaitPromise: true, returnByValue: true,
  });
  for (const each of JSON.parse(found.result.value)) {
    say({ impact: each.impact, id: each.id, text: each.nodes.map((node) => node.target.join(" ")).join(", ") });
  }
  await page.close();
}

const browser = await puppeteer.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
for (const path of pages)
  for (const scheme of ["light", "dark"])
    for (const width of [390, 1280]) await look(browser, path, scheme, width);
await browser.close();
console.log(JSON.stringify(findings));
