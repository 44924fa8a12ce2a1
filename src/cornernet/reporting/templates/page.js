"use strict";
document.documentElement.classList.add("js");

// What a link leads to is unfolded, and everything for print.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let one = target; one; one = one.parentElement) if (one.localName === "details") one.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => document.querySelectorAll("details.part").forEach(one => { one.open = true; }));
unfold();

// The gallery: one image at a time, in one of two orders.
const gallery = document.querySelector(".gallery");
if (gallery) {
  const control = name => gallery.querySelector(`[name=${name}]`);
  const strip = gallery.querySelector(".strip"), all = [...strip.children];
  const rank = figure => Number(figure.querySelector("svg").dataset[control("order").value]);
  const at = () => Math.round(strip.scrollLeft / strip.clientWidth);
  const tell = () => { control("at").value = `${at() + 1} of ${strip.children.length}`; };
  const show = number => strip.scrollTo({ left: number * strip.clientWidth });
  const sort = () => {
    strip.replaceChildren(...all.filter(rank).sort((a, b) => rank(a) - rank(b)));
    show(0);
    tell();
  };
  sort();
  if (!strip.children.length) { control("order").value = "even"; sort(); }
  control("order").onchange = sort;
  strip.addEventListener("scroll", tell);
  control("previous").onclick = () => show(at() - 1);
  control("next").onclick = () => show(at() + 1);
  addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], box = strip.getBoundingClientRect();
    const elsewhere = event.target.matches("input, select") || event.target.matches(".scroll");
    if (!step || elsewhere || box.bottom < 0 || box.top > innerHeight) return;
    event.preventDefault();
    show(at() + step);
  });
  control("blend").oninput = () => strip.style.setProperty("--blend", control("blend").value);
  control("score").oninput = () => {
    const least = Number(control("score").value);
    control("least").value = least.toFixed(2);
    for (const figure of all) {
      for (const one of figure.querySelectorAll(".found > g"))
        one.setAttribute("display", one.dataset.score >= least ? "inline" : "none");
      for (const one of figure.querySelectorAll(".truth > g"))  // its label says that it is missed
        one.lastElementChild.setAttribute("display", one.dataset.score >= least ? "none" : "inline");
    }
  };
}

// Corner pooling: any cell can look down and to the right. The maps' values are their pixels.
const pooling = document.querySelector(".pooling");
if (pooling) {
  const svg = pooling.querySelector("svg"), { rows, columns, top } = svg.dataset;
  const control = name => pooling.querySelector(`[name=${name}]`);
  const pixels = async kind => {
    const image = new Image(), canvas = document.createElement("canvas");
    image.src = svg.querySelector(`.${kind} image`).getAttribute("href");
    await image.decode();
    [canvas.width, canvas.height] = [columns, rows];
    const paper = canvas.getContext("2d");
    paper.drawImage(image, 0, 0);
    const { data } = paper.getImageData(0, 0, columns, rows);
    return (row, column) => data[4 * (row * columns + column)] * top / 255;
  };
  const set = (where, values) => svg.querySelectorAll(where).forEach(one => {
    for (const [name, value] of Object.entries(values)) one.setAttribute(name, value);
  });
  const say = (kind, value) => { svg.querySelector(`.${kind} .value`).textContent = `: ${value.toFixed(2)}`; };
  Promise.all([pixels("first"), pixels("second")]).then(([first, second]) => {
    const look = (row, column) => {
      [control("row").value, control("column").value] = [row, column];
      let below = row, right = column;
      for (let other = row; other < rows; other++) if (first(other, column) > first(below, column)) below = other;
      for (let other = column; other < columns; other++) if (second(row, other) > second(row, right)) right = other;
      const [x, y] = [column + 0.5, row + 0.5];
      set(".cell", { cx: x, cy: y });
      set(".below", { cx: x, cy: below + 0.5 });
      set(".right", { cx: right + 0.5, cy: y });
      set(".down", { d: `M${x} ${y}V${rows}` });
      set(".across", { d: `M${x} ${y}H${columns}` });
      say("first", first(below, column));
      say("second", second(row, right));
      say("sum", first(below, column) + second(row, right));
    };
    [control("row").max, control("column").max] = [rows - 1, columns - 1];
    [control("row").value, control("column").value] = [svg.dataset.row, svg.dataset.column];
    for (const name of ["row", "column"])
      control(name).oninput = () => look(Number(control("row").value), Number(control("column").value));
    for (const image of svg.querySelectorAll("image")) {
      image.onpointermove = image.onpointerdown = event => {
        const box = image.getBoundingClientRect();
        const cell = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
        look(cell((event.clientY - box.top) / box.height, rows), cell((event.clientX - box.left) / box.width, columns));
      };
    }
  });
}
