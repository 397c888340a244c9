// Explore: shows any measure, edition and ward in the page's own map, tables and trend. The address stores the state.
"use strict";
(() => {
  const S = DATA["explore/all"], $ = (id) => document.getElementById(id);
  const choices = { m: $("measure"), y: $("edition"), w: $("ward") };
  const [town, ...wards] = S.areas.map(([code, name, slug], at) => ({ code, name, slug, at }));
  const first = S.editions[0], newest = S.editions[S.editions.length - 1];
  let state = {}, file = "";

  // Words and numbers, formatted as on the static pages.
  const number = (value, digits = 1) => {
    const [whole, part] = Math.abs(value).toFixed(digits).split(".");
    const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
    return value < 0 ? "−" + text : text;
  };
  const ordinal = (n) => {
    const end = n % 100 > 10 && n % 100 < 14 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
    return n + end;
  };
  const rank = (s) => {
    if (!s || s.length < 5) return "no rank";
    return `${ordinal(s[2])}, likely ${s[3] === s[4] ? ordinal(s[3]) : `${ordinal(s[3])} to ${ordinal(s[4])}`}`;
  };
  const score = (s) => (s ? number(s[0]) : "no score");
  const value = (v, digits) => {
    if (!v) return "no figure";
    const range = v[1] === null ? "" : `, from ${number(v[1], digits)} to ${number(v[2], digits)}`;
    return `${number(v[0], digits)}${range} (${S.statuses[v[3]]})`;
  };
  const change = (c) => {
    if (!c) return S.verdicts.at(-1);
    return `${S.verdicts[c[3]]}: ${number(c[0])} points, likely ${number(c[1])} to ${number(c[2])}`;
  };

  // A new element. Texts are set as text, so that no name can become markup.
  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, content] of Object.entries(attributes)) element.setAttribute(name, content);
    return element;
  };
  const head = (text, kind = "") => make("th", text, { scope: "col", class: kind });
  const fill = (id, caption, heads, rows) => {
    const table = $(id);
    if (!table) return;
    table.caption.textContent = caption;
    table.tHead.rows[0].replaceChildren(...heads);
    table.tBodies[0].replaceChildren(...rows.map(({ area, cells }) => {
      const row = make("tr", undefined, area.slug === state.w && area !== town ? { class: "chosen" } : {});
      const name = make("th", undefined, { scope: "row" });
      name.append(area === town ? area.name : make("a", area.name, { href: `wards/${area.slug}.html` }));
      row.append(name, ...cells);
      return row;
    }));
  };
  const cell = (text, kind = "") => make("td", text, { class: kind });

  const measure = () => DATA[`measures/${state.m}`];
  const chosen = () => wards.find((ward) => ward.slug === state.w);
  const ordered = () => {
    const s = measure().s[state.y];
    return [...wards].sort((a, b) => (s[a.at] && s[a.at][2] || 1e9) - (s[b.at] && s[b.at][2] || 1e9) || a.at - b.at);
  };
  const before = () => Object.keys(measure().c[state.y] || {}).map(Number).sort((a, b) => b - a);

  function map() {
    const s = measure().s[state.y], caption = `${measure().title} by ward, edition ${state.y}`;
    const svg = document.querySelector(".map svg");
    if (!svg) return;
    svg.setAttribute("aria-label", caption);
    svg.dataset.map = state.m;
    svg.dataset.edition = state.y;
    svg.parentNode.querySelector("figcaption").textContent = caption;
    svg.querySelectorAll(".halo").forEach((old) => old.remove());
    for (const ward of wards) {
      const link = svg.querySelector(`[data-ward="${ward.code}"]`);
      if (!link) continue;
      const place = s[ward.at] ? s[ward.at][1] : null;
      link.setAttribute("aria-label", `${ward.name}: ${rank(s[ward.at])}`);
      link.querySelector("path").setAttribute("class", place === null ? "none" : `c${place}`);
      svg.querySelector(`[data-label="${ward.code}"]`).setAttribute("class", place === null ? "t2" : `t${place}`);
      if (ward.slug !== state.w) continue;
      // Drawn last, since later wards would cover its outline.
      for (const kind of ["halo outer", "halo"]) {
        const halo = link.querySelector("path").cloneNode();
        halo.setAttribute("class", kind);
        svg.append(halo);
      }
    }
  }

  function ranking() {
    const { title, s, v, unit, digits } = measure();
    const heads = [head("Ward"), head("Score", "number"), head("Rank")];
    if (v) heads.push(head(`Value, 95% interval (${unit})`));
    fill("ranking", `${title} by ward, edition ${state.y}, figures taken on ${S.asOf}`, heads, ordered().map((area) => {
      const own = s[state.y][area.at], cells = [cell(score(own), "number"), cell(rank(own))];
      if (v) cells.push(cell(value(v[state.y][area.at], digits)));
      return { area, cells };
    }));
  }

  function trend() {
    const figure = document.querySelector(".trend"), { title, s } = measure(), { x, y } = S.trend;
    if (!figure) return;
    const svg = figure.querySelector("svg"), own = chosen();
    const height = (points) => Math.round((y[0] - y[1] * points) * 10) / 10;
    for (const area of S.areas.keys()) {
      const path = svg.querySelector(`[data-ward="${S.areas[area][0]}"]`);
      let pen = "M", line = "";
      S.editions.forEach((year, at) => {
        const entry = s[year][area];
        if (entry) line += `${pen}${x[at]},${height(entry[0])}`;
        pen = entry ? "L" : "M";
      });
      path.setAttribute("d", line);
      path.setAttribute("class", area === 0 ? "town" : own && own.at === area ? "chosen" : "");
      if (own && own.at === area) svg.append(path);
    }
    const last = s[newest], label = svg.querySelector("text.town");
    label.setAttribute("y", height(last[0] ? last[0][0] : 50) - 8);
    svg.querySelectorAll("text.chosen").forEach((old) => old.remove());
    let says = `${title} from ${first} to ${newest}: ${town.name} is the thick line, each ward a grey one`;
    if (own) {
      says += `, ${own.name} the dashed one`;
      const name = label.cloneNode(), at = height(last[own.at] ? last[own.at][0] : 50) - 8, beside = +label.getAttribute("y");
      name.setAttribute("class", "chosen");
      name.setAttribute("y", Math.abs(at - beside) < 30 ? beside + (at < beside ? -22 : 34) : at);
      name.textContent = own.name;
      svg.append(name);
    }
    says += ", on a scale from 0 to 100, which is best.";
    svg.setAttribute("aria-label", says);
    figure.querySelector("figcaption").textContent = says;
    const heads = [head("Area"), ...S.editions.map((year) => head(year, "number"))];
    fill("trend-table", `${title}: scores of 100 in every edition`, heads, [town, ...wards].map((area) => (
      { area, cells: S.editions.map((year) => cell(score(s[year][area.at]), "number")) }
    )));
  }

  function changes() {
    const years = before(), { title, c } = measure();
    const rows = years.length ? [town, ...wards] : [];
    const caption = years.length ? `${title}: change to edition ${state.y}` : `${state.y} is the first edition, so there is no change to show.`;
    fill("change", caption, [head("Area"), ...years.map((year) => head(`Since ${year}`))], rows.map((area) => (
      { area, cells: years.map((year) => cell(change(c[state.y][year][area.at]))) }
    )));
  }

  function say() {
    const { title, s } = measure(), now = s[state.y], order = ordered(), own = chosen();
    const one = (ward) => `${ward.name} with ${score(now[ward.at])} (${rank(now[ward.at])})`;
    let text = `${title}, edition ${state.y}: ${town.name} scores ${score(now[0])} of 100. `;
    const ranked = order.filter((ward) => now[ward.at] && now[ward.at].length > 4);
    text += ranked.length ? `First comes ${one(ranked[0])}, last ${one(ranked[ranked.length - 1])}.` : "No ward has a rank.";
    if (own) text += ` Pointed out is ${one(own)}.`;
    $("status").textContent = text;
    $("about").replaceChildren(make("a", `More about ${title}`, { href: measure().path }));
  }

  function take() {
    const { title, s, v, c, unit } = measure(), years = before();
    const heads = ["measure", "edition", "figures_taken_on", "area_code", "area_name", "score", "rank", "rank_low", "rank_high"];
    if (v) heads.push("unit", "value", "lower", "upper", "status");
    for (const year of years) heads.push(...["change", "low", "high", "verdict"].map((part) => `${part}_since_${year}`));
    const rows = [...ordered(), town].map((area) => {
      const [points, , ...ranks] = s[state.y][area.at] || [];
      const row = [title, state.y, S.asOf, area.code, area.name, points, ranks[0], ranks[1], ranks[2]];
      if (v) row.push(unit, ...[0, 1, 2].map((at) => (v[state.y][area.at] || [])[at]), S.statuses[v[state.y][area.at][3]] || S.statuses.at(-1));
      for (const year of years) {
        const [by, low, high, verdict] = c[state.y][year][area.at] || [];
        // Without the symbol in front of the words.
        row.push(by, low, high, (S.verdicts[verdict] || S.verdicts.at(-1)).slice(2));
      }
      return row;
    });
    // As in the other downloads, no text can run as a formula.
    const plain = (text) => text.replace(/^'*[=+\-@\t\r\n＝＋－＠]/, "'$&");
    const quoted = (cell) => (typeof cell === "string" ? `"${plain(cell).replace(/"/g, '""')}"` : cell ?? "");
    const csv = [heads, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
    URL.revokeObjectURL(file);
    file = URL.createObjectURL(new Blob(["\ufeff", csv], { type: "text/csv" }));
    $("download").href = file;
    $("download").download = `${state.m}-${state.y}.csv`;
    const address = location.href.split("#")[0] + hash();
    const attribute = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
    $("link").value = address;
    $("embed").value = `<iframe src="${attribute(`${address}&e=1`)}" title="${attribute(`${title}, edition ${state.y}`)}" width="100%" height="900"></iframe>`;
  }

  const hash = () => `#m=${state.m}&y=${state.y}${state.w ? `&w=${state.w}` : ""}`;
  const draw = () => {
    const requested = state.m;
    const show = () => requested === state.m && [map, ranking, trend, changes, say, take].forEach((part) => part());
    load(`measures/${requested}`).then(show, () => { if (requested === state.m) $("status").textContent = UNREAD; });
  };

  // Missing or invalid parts of an address default to the index, the newest edition and no ward.
  function read() {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const [key, select] of Object.entries(choices)) {
      const match = [...select.options].find((option) => option.value === address.get(key));
      select.value = state[key] = (match || select.options[0]).value;
    }
    document.body.classList.toggle("embedded", address.has("e"));
    draw();
  }
  function chose() {
    for (const [key, select] of Object.entries(choices)) state[key] = select.value;
    history.replaceState(null, "", hash());
    draw();
  }
  for (const select of Object.values(choices)) select.addEventListener("change", chose);
  for (const id of ["link", "embed"]) $(id).addEventListener("focus", (event) => event.target.select());
  window.addEventListener("hashchange", read);
  $("choices").hidden = $("take").hidden = false;
  read();
})();
