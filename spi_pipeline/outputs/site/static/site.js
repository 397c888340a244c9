// Interactive parts of pages; every page can be read without them.
"use strict";

// Data are scripts, loaded on first use: a page opened from a file may not fetch anything. If one cannot be loaded, the
// caller says so in a live region and may try again.
const DATA = {};
const UNREAD = "The figures could not be loaded. Check the connection and try again.";
const load = async (name) => DATA[name] ?? new Promise((done, fail) => {
  const script = document.createElement("script");
  script.addEventListener("load", () => done(DATA[name]));
  script.addEventListener("error", () => fail(new Error(script.src)));
  script.src = `static/${name}.js`;
  document.head.append(script);
});

// Find your ward: compares the input with the list of wards and with the postcodes of one district.
document.querySelectorAll("form.find").forEach((form) => {
  const wards = [...document.querySelectorAll(".wards a")];
  const input = form.querySelector("input"), found = form.querySelector(".found");
  const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]/g, "");

  const byPostcode = async (text) => {
    const whole = text.toUpperCase().replace(/[^A-Z0-9]/g, ""), unit = whole.slice(-2), district = whole.slice(0, -3);
    if (!form.dataset.districts.split(" ").includes(district)) return [];
    const sector = (await load(`postcodes/${district}`))[whole.slice(-3, -2)] || {};
    const inside = (units) => units.match(/../g).includes(unit);
    return Object.keys(sector).filter((ward) => inside(sector[ward])).map((ward) => wards[ward]);
  };

  const byName = (text) => {
    const sought = plain(text), same = wards.filter((ward) => plain(ward.textContent) === sought);
    return same.length ? same : wards.filter((ward) => sought && plain(ward.textContent).includes(sought));
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    found.textContent = "";
    let unread = false;
    const here = await byPostcode(text).catch(() => { unread = true; return []; });
    if (text !== input.value.trim()) return;
    const matches = here.concat(byName(text));
    found.textContent = unread ? UNREAD : !text ? `Type the name of a ward${form.dataset.districts && " or a postcode"}.`
      : matches.length ? `${matches.length === 1 ? "The ward is" : "Wards that match:"} `
      : !form.dataset.districts ? `No ward here has the name “${text}”.`
      : `No ward here has the name or postcode “${text}”. A postcode must be whole, such as AB1 2CD.`;
    matches.forEach((ward, place) => {
      if (place) found.append(", ");
      found.append(ward.cloneNode(true));
    });
  });
  form.hidden = false;
});

// Compare: two to four wards, named in the address so that a comparison can be shared. For each measure, the data of a
// ward hold its score, its rank, and its best and worst likely rank.
(function compare() {
  const box = document.getElementById("compare");
  if (!box) return;
  const choices = [...box.querySelectorAll("select")];
  const status = document.getElementById("compared"), place = document.getElementById("chosen");
  const measures = [...document.querySelectorAll("#measures a")], caption = box.dataset.caption;
  const listed = (words) => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
  const known = new Map([...choices[0].options].slice(1).map((option) => [option.value, option.text]));
  const name = (slug) => known.get(slug);
  let latest;

  function make(tag, content, scope) {
    const element = document.createElement(tag);
    element.append(...content);
    if (scope) element.scope = scope;
    return element;
  }

  function cell([score, rank]) {
    const small = Object.assign(make("span", [rank]), { className: "small" });
    return make("td", [score, document.createElement("br"), small]);
  }

  // A ward is ahead of another only if all of its likely ranks are better than those of the other.
  function ahead(slugs, held) {
    return slugs.flatMap((slug, one) => {
      const behind = slugs.filter((_, other) => held[one][3] && held[other][2] && held[one][3] < held[other][2]);
      return behind.length ? [`▲ ${name(slug)} is ahead of ${listed(behind.map(name))}`] : [];
    });
  }

  function show(slugs, data) {
    let differing = 0;
    const rows = measures.map((link, index) => {
      const held = data.map((of) => of[index]), found = ahead(slugs, held);
      if (found.length) differing += 1;
      const verdict = make("td", [found.length ? `${found.join("; ")}.` : "= Cannot be told apart."]);
      const line = make("tr", [make("th", [link.cloneNode(true)], "row"), ...held.map(cell), verdict]);
      if (found.length) line.className = "differs";
      return line;
    });
    const top = ["Measure", ...slugs.map(name), "What can be told"].map((word) => make("th", [word], "col"));
    const result = make("table", [
      make("caption", [`${listed(slugs.map(name))}. ${caption}`]),
      make("thead", [make("tr", top)]), make("tbody", rows),
    ]);
    const region = make("div", [result]);
    region.className = "scroll";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "The wards chosen");
    place.replaceChildren(region);
    return `${listed(slugs.map(name))}: they differ for certain in ${differing} of ${measures.length} measures.`;
  }

  async function update(slugs) {
    latest = slugs;
    const data = slugs.length > 1 ? await Promise.all(slugs.map((slug) => load(`wards/${slug}`))).catch(() => null) : [];
    if (latest !== slugs) return;
    if (!data?.length) place.replaceChildren();
    status.textContent = !data ? UNREAD : data.length ? show(slugs, data)
      : slugs.length ? `${name(slugs[0])} is chosen. Choose another ward to compare it with.` : "";
  }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1)).get("wards") ?? "";
    const slugs = [...new Set(given.split(","))].filter((slug) => known.has(slug)).slice(0, choices.length);
    choices.forEach((choice, index) => { choice.value = slugs[index] ?? ""; });
    update(slugs);
  }

  box.hidden = false;
  choices.forEach((choice) => choice.addEventListener("change", () => {
    const slugs = [...new Set(choices.map((each) => each.value).filter(Boolean))];
    history.replaceState(null, "", `#wards=${slugs.join(",")}`);
    update(slugs);
  }));
  addEventListener("hashchange", read);
  read();
})();
