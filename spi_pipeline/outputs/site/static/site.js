// What pages do beyond being read; each can be read without.
"use strict";

// Find your ward: what is typed is compared with the list of wards and the postcodes, and nothing leaves the page.
document.querySelectorAll("form.find").forEach((form) => {
  const wards = [...document.querySelectorAll(".wards a")];
  const input = form.querySelector("input"), found = form.querySelector(".found");
  const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]/g, "");

  const byPostcode = (text) => {
    const whole = text.toUpperCase().replace(/[^A-Z0-9]/g, ""), unit = whole.slice(-2);
    const sector = (window.POSTCODES || {})[whole.slice(0, -2)] || {};
    const inside = (units) => units.match(/../g).includes(unit);
    return Object.keys(sector).filter((ward) => inside(sector[ward])).map((ward) => wards[ward]);
  };

  const byName = (text) => {
    const sought = plain(text), same = wards.filter((ward) => plain(ward.textContent) === sought);
    return same.length ? same : wards.filter((ward) => sought && plain(ward.textContent).includes(sought));
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    const matches = byPostcode(text).concat(byName(text));
    found.textContent = !text ? "Type the name of a ward or a postcode."
      : matches.length ? `${matches.length === 1 ? "The ward is" : "Wards that match:"} `
      : `No ward here has the name or postcode “${text}”. A postcode must be whole, such as AB1 2CD.`;
    matches.forEach((ward, place) => {
      if (place) found.append(", ");
      found.append(ward.cloneNode(true));
    });
  });
  form.hidden = false;
});

// Compare: two to four wards out of the table of all, named in the address, so that a comparison can be sent to others.
(function compare() {
  const box = document.getElementById("compare"), table = document.getElementById("wards");
  if (!box || !table) return;
  const choices = [...box.querySelectorAll("select")];
  const said = document.getElementById("compared"), place = document.getElementById("chosen");
  const row = (slug) => document.getElementById(slug);
  const name = (slug) => row(slug).cells[0].textContent.trim();
  const listed = (words) => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
  const known = new Set([...choices[0].options].map((option) => option.value).filter(Boolean));

  function make(tag, content, scope) {
    const element = document.createElement(tag);
    element.append(...content);
    if (scope) element.scope = scope;
    return element;
  }

  function copied(cell) {
    return [...cell.childNodes].map((node) => node.cloneNode(true));
  }

  // Which wards are ahead of which: only where no rank that is likely for one is likely for the other, or better.
  function ahead(slugs, column) {
    const range = (slug, end) => Number(row(slug).cells[column].dataset[end] ?? NaN);
    return slugs.flatMap((slug) => {
      const behind = slugs.filter((other) => range(slug, "high") < range(other, "low"));
      return behind.length ? [`▲ ${name(slug)} is ahead of ${listed(behind.map(name))}`] : [];
    });
  }

  function show(slugs) {
    const heads = [...table.tHead.rows[0].cells].slice(1);
    let differing = 0;
    const rows = heads.map((head, index) => {
      const found = ahead(slugs, index + 1);
      if (found.length) differing += 1;
      const cells = slugs.map((slug) => make("td", copied(row(slug).cells[index + 1])));
      const verdict = make("td", [found.length ? `${found.join("; ")}.` : "= Cannot be told apart."]);
      const line = make("tr", [make("th", copied(head), "row"), ...cells, verdict]);
      if (found.length) line.className = "differs";
      return line;
    });
    const top = ["Measure", ...slugs.map(name), "What can be told"].map((word) => make("th", [word], "col"));
    const result = make("table", [
      make("caption", [`${listed(slugs.map(name))}. ${table.caption.textContent.trim()}`]),
      make("thead", [make("tr", top)]), make("tbody", rows),
    ]);
    const region = make("div", [result]);
    region.className = "scroll";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "The wards chosen");
    place.replaceChildren(region);
    return `${listed(slugs.map(name))}: they differ for certain in ${differing} of ${heads.length} measures.`;
  }

  function update(slugs) {
    if (slugs.length > 1) return show(slugs);
    place.replaceChildren();
    return slugs.length ? `${name(slugs[0])} is chosen. Choose another ward to compare it with.` : "";
  }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1)).get("wards") ?? "";
    const slugs = [...new Set(given.split(","))].filter((slug) => known.has(slug)).slice(0, choices.length);
    choices.forEach((choice, index) => { choice.value = slugs[index] ?? ""; });
    said.textContent = update(slugs);
  }

  box.hidden = false;
  choices.forEach((choice) => choice.addEventListener("change", () => {
    const slugs = [...new Set(choices.map((each) => each.value).filter(Boolean))];
    history.replaceState(null, "", `#wards=${slugs.join(",")}`);
    said.textContent = update(slugs);
  }));
  addEventListener("hashchange", read);
  read();
})();
