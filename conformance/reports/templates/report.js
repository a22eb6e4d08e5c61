"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [find, byName, byTier, byCause, byChange] =
    ["find", "by-name", "by-tier", "by-cause", "by-change"].map((id) => document.getElementById(id));
  const statuses = [...document.querySelectorAll(".by-status")];
  const filters = document.getElementById("filters");
  const panel = document.getElementById("panel");
  const signs = { ".": "", F: "×", E: "!", s: "–", k: "~" };
  const names = { ".": "passed", F: "failed", E: "no result", s: "skipped", k: "known to fail" };
  const squares = [];
  let chosen = null;
  let isClosing = false;

  // Data: a verdict is a row of numbers and texts, which are kept once each.
  function verdict(index) {
    const [place, tier, name, letter, ratio, message, hint, cause, worst, picture, change] = data.verdicts[index];
    const known = data.cases[place];
    return {
      letter, ratio, cause, worst, tier, name, message: data.texts[message], hint: data.texts[hint],
      picture: data.pictures[picture], change: data.changes[change], id: known[0], about: known.slice(1),
    };
  }

  function shade({ letter, ratio }) {
    if (letter === ".") return ratio === null || ratio < 0.01 ? "p0" : ratio < 0.1 ? "p1" : ratio < 0.5 ? "p2" : "p3";
    if (letter === "F") return ratio === null || ratio === "inf" || ratio > 1000 ? "f2" : ratio > 10 ? "f1" : "f0";
    return letter.toLowerCase();
  }

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function quoted(text) {
    return /^[\w@%+=:,.\/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
  }

  function command(one) {
    const [id, writer] = one.id.split("-from-");
    const wanted = [...new Set([data.names[one.name], writer].filter(Boolean))];
    const chosenNames = wanted.map((each) => `--implementation ${quoted(each)}`).join(" ");
    const tier = data.tiers[one.tier];
    const options = [data.options[tier], data.known[data.names[one.name]]].filter(Boolean);
    return [`ghost-conformance run ${chosenNames} --tier ${tier} --case ${quoted(id)}`, ...options].join(" ");
  }

  function facts(pairs) {
    const list = element("dl", { class: "facts" });
    for (const [term, value] of pairs) {
      if (value) list.append(element("dt", {}, term), element("dd", {}, value));
    }
    return list;
  }

  // A picture is digits: the share of wrong elements at each row and column, and in each channel.
  function map(rows, label, kind) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const attributes = { viewBox: `0 0 ${rows[0].length} ${rows.length}`, role: "img", "aria-label": label, class: kind };
    if (kind) attributes.preserveAspectRatio = "none";
    for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
    rows.forEach((row, y) => [...row].forEach((digit, x) => {
      if (digit === "0") return;
      const cell = document.createElementNS(space, "rect");
      for (const [key, value] of Object.entries({ x, y, width: 1, height: 1, "fill-opacity": digit / 9 })) cell.setAttribute(key, value);
      svg.append(cell);
    }));
    return element("figure", {}, svg, element("figcaption", {}, label));
  }

  function show(index) {
    const one = verdict(index);
    const [config, input, kind] = one.about;
    const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
    close.addEventListener("click", hide);
    const tone = { ".": "good", F: "bad", E: "bad" }[one.letter] ?? "warn";
    const ratio = one.ratio === null ? "" : `, error / allowed ${one.ratio}`;
    const parts = [
      close,
      element("h3", { class: "id" }, one.id),
      element("p", { class: tone }, `${signs[one.letter] || "✓"} ${names[one.letter]}${ratio}`),
    ];
    if (one.change) parts.push(element("p", {}, `Against the earlier report: ${one.change}`));
    if (one.message) parts.push(element("p", {}, one.message));
    if (one.hint) parts.push(element("p", {}, `Hint: ${one.hint}`));
    if (one.worst) {
      const [place, wanted, got, error, allowed] = one.worst;
      const numbers = [["wanted", wanted], ["got", got], ["error", error], ["allowed", allowed]].map(
        ([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)));
      parts.push(element("h4", {}, `The worst element, at ${place}`), element("dl", { class: "worst" }, ...numbers));
    }
    if (one.picture) {
      const [places, channels, text, height, width, count] = one.picture;
      parts.push(element("h4", {}, `Where it is wrong: ${text}`), element("div", { class: "maps" },
        map(places, `${height} x ${width} positions`, ""), map([channels], `${count} channels`, "bar")));
    }
    parts.push(element("h4", {}, "The case"), facts([
      ["tier", data.tiers[one.tier]], ["implementation", data.names[one.name]],
      ["configuration", config], ["input", input], ["data", kind],
    ]));
    const cause = data.causes[one.cause];
    if (cause && cause[1]) {
      parts.push(element("h4", {}, cause[2] ? "The smallest of its cause that still fails" : "The first of its cause, in Python"));
      parts.push(element("pre", { tabindex: "0" }, element("code", {}, cause[1])));
    }
    parts.push(element("h4", {}, "Run it again"), element("p", {}, element("code", {}, command(one))));
    panel.replaceChildren(...parts);
    panel.hidden = false;
    document.getElementById("split").classList.add("open");
    if (chosen !== null) squares[chosen].setAttribute("aria-pressed", "false");
    squares[index].setAttribute("aria-pressed", "true");
    squares[index].scrollIntoView({ block: "nearest" });
    chosen = index;
  }

  function hide() {
    const square = squares[chosen];
    panel.hidden = true;
    document.getElementById("split").classList.remove("open");
    square.setAttribute("aria-pressed", "false");
    chosen = null;
    isClosing = true; // what has the focus is shown, but for now
    square.focus();
    isClosing = false;
  }

  function make(row) {
    const first = Number(row.dataset.first);
    const made = [...row.textContent.trim()].map((letter, offset) => {
      const index = first + offset;
      const one = verdict(index);
      const ratio = one.ratio === null ? "" : `, ${one.ratio} of the allowed error`;
      const label = `${one.id}: ${names[letter]}${ratio}${one.change ? `, ${one.change}` : ""}`;
      const square = element("button", {
        type: "button", class: `square ${shade(one)}${one.change ? " changed" : ""}`, "aria-label": label,
        title: label, "aria-pressed": "false", tabindex: offset ? "-1" : "0",
      }, signs[letter]);
      square.dataset.index = index;
      squares[index] = square;
      return square;
    });
    row.classList.add("made");
    row.replaceChildren(...made);
  }

  function shown(row) {
    return [...row.children].filter((each) => !each.hidden);
  }

  // One square of a row is in the order of the Tab key, the arrow keys reach the others.
  function move(event) {
    const square = event.target.closest(".square");
    if (!square) return;
    const row = square.parentElement;
    const own = shown(row);
    const at = own.indexOf(square);
    const rows = [...document.querySelectorAll(".squares")].filter((each) => shown(each).length);
    const beside = (step) => {
      const other = rows[rows.indexOf(row) + step];
      return other && shown(other)[Math.min(at, shown(other).length - 1)];
    };
    const next = {
      ArrowRight: () => own[at + 1], ArrowLeft: () => own[at - 1], Home: () => own[0], End: () => own.at(-1),
      ArrowDown: () => beside(1), ArrowUp: () => beside(-1),
    }[event.key];
    if (!next) return;
    event.preventDefault();
    next()?.focus();
  }

  function focused(event) {
    const square = event.target.closest(".square");
    if (!square || isClosing) return;
    for (const each of square.parentElement.children) each.tabIndex = each === square ? 0 : -1;
    show(Number(square.dataset.index));
  }

  function filter() {
    const text = find.value.trim().toLowerCase();
    const letters = new Set(statuses.filter((each) => each.checked).map((each) => each.value));
    const matches = (one) =>
      letters.has(one.letter) && (!byName.value || one.name === Number(byName.value)) &&
      (!byTier.value || one.tier === Number(byTier.value)) && (!byCause?.value || one.cause === Number(byCause.value)) &&
      (!byChange?.checked || one.change) &&
      (!text || [one.id, ...one.about, one.message, one.hint].some((each) => each && each.toLowerCase().includes(text)));
    let count = 0;
    squares.forEach((square, index) => {
      const found = matches(verdict(index));
      square.hidden = !found;
      count += found;
    });
    for (const row of document.querySelectorAll(".squares")) {
      const own = shown(row);
      row.parentElement.hidden = !own.length;
      for (const each of row.children) each.tabIndex = -1;
      if (own.length) own[0].tabIndex = 0;
    }
    for (const section of document.querySelectorAll("#matrix section")) {
      section.hidden = ![...section.querySelectorAll(".line")].some((each) => !each.hidden);
    }
    document.getElementById("found").textContent = `${count} of ${squares.length} verdicts`;
    document.getElementById("keys").hidden = count === 0;
  }

  document.querySelectorAll(".squares").forEach(make);
  const matrix = document.getElementById("matrix");
  matrix.addEventListener("focusin", focused);
  matrix.addEventListener("click", (event) => event.target.closest(".square")?.focus());
  matrix.addEventListener("keydown", move);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) hide(); });
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(filter));
  for (const button of document.querySelectorAll(".show-cause")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      filters.reset();
      byCause.value = button.value;
      filter();
      document.getElementById("cases").scrollIntoView();
      squares.find((each) => !each.hidden)?.focus({ preventScroll: true });
    });
  }
  filters.hidden = false;
  filter();
})();
