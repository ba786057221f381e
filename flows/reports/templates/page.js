"use strict";
// Filters, the switch for amounts, countdowns and the text beside the pointer. All are optional:
// without a script the page shows everything.
(() => {
  const one = (id) => document.getElementById(id);
  const all = (query) => document.querySelectorAll(query);
  const main = one("main");
  const controls = document.querySelector(".controls");

  for (const span of all(".countdown")) {
    const days = (Number(span.dataset.before) * 1000 - Date.now()) / 86400000;
    const whole = Math.floor(Math.abs(days));
    const words = whole === 1 ? "1 day" : `${whole.toLocaleString("en")} days`;
    span.textContent = days < 0 ? `(passed ${words} ago)` : `(in ${words})`;
    span.classList.toggle("late", days < 7);
  }

  if (controls) {
    const [account, stream, attention, hide] = ["account", "stream", "attention", "hide"].map(one);
    const rows = [...all("[data-stream]")].map((row) => [row, row.dataset.stream.toLowerCase()]);
    const apply = () => {
      for (const part of all("[data-account]")) {
        part.hidden = account.value !== "" && part.dataset.account !== account.value;
      }
      const wanted = stream.value.trim().toLowerCase();
      const opened = new Set();
      let shown = 0;
      for (const [row, name] of rows) {
        row.hidden = !name.includes(wanted);
        const isOut = row.hidden || row.closest(".account").hidden;
        if (!isOut && !(attention.checked && "ok" in row.dataset)) {
          shown += 1;
          opened.add(row.closest(".streams"));
        }
      }
      for (const part of wanted === "" ? [] : all(".streams")) part.open = opened.has(part);
      main.classList.toggle("only-attention", attention.checked);
      main.classList.toggle("amounts-hidden", Boolean(hide && hide.checked));
      const isFiltered = account.value !== "" || wanted !== "" || attention.checked;
      one("shown").textContent = isFiltered ? `${shown} of ${rows.length} streams` : "";
    };
    controls.hidden = false;
    controls.addEventListener("input", apply);
    controls.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  const open = () => {
    const target = location.hash && one(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  addEventListener("pointermove", (event) => {
    const mark = event.target.closest && event.target.closest("figure svg [data-text]");
    tip.hidden = !mark;
    if (mark) {
      tip.textContent = mark.dataset.text;
      tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
      tip.style.top = `${event.clientY + 14}px`;
    }
  });
})();
