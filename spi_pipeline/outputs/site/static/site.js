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
