// Draws the curves: unpacks the chart library, fills in the page's colours, keeps lanes in step.
(async () => {
  const page = document.querySelector(".insula");
  const figures = [...document.querySelectorAll(".figure")];
  if (!figures.length) return;

  // The library travels compressed (a quarter of its size); browsers since 2023 unpack it themselves.
  try {
    const packed = document.getElementById("plotly").textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  } catch (error) {
    figures.forEach((figure) => { figure.textContent = page.dataset.oldBrowser; });
    return;
  }

  const colours = () => {
    const style = getComputedStyle(page);
    return ["ink", "soft", "line", "surface", "accent"].map((name) => [
      `@${name}`, style.getPropertyValue(`--${name}`).trim()]).concat([["@font", style.fontFamily.replaceAll('"', "'")]]);
  };
  const draw = (figure) => {
    const source = document.getElementById(figure.dataset.from).textContent;
    const spec = JSON.parse(colours().reduce((text, [name, value]) => text.replaceAll(name, value), source));
    if (figure.dataset.kind === "time") {
      const lane = figure.parentElement.parentElement.querySelector(".lane");
      const style = getComputedStyle(lane);
      spec.layout.margin.l = parseFloat(style.gridTemplateColumns);
      spec.layout.margin.r = parseFloat(style.paddingRight);
      // Where there is little room, titles of rows start at the very left.
      if (figure.clientWidth < 560) spec.layout.annotations.forEach((row) => { row.xshift = -spec.layout.margin.l; row.yshift = 7; });
    }
    spec.layout.width = figure.clientWidth;
    const config = { displayModeBar: false, staticPlot: figure.dataset.kind !== "time" && matchMedia("(hover: none)").matches };
    return Plotly.react(figure, spec.data, spec.layout, config);
  };
  const drawAll = () => Promise.all(figures.map(draw));
  await drawAll();

  // Zooming the curves moves the lanes of the same person along.
  for (const figure of figures.filter((each) => each.dataset.kind === "time")) {
    figure.on("plotly_relayout", () => {
      const axis = figure._fullLayout.xaxis;
      const [from, to] = axis.range.map((end) => axis.r2l(end));
      const [first, last] = [Number(figure.dataset.start), Number(figure.dataset.end)];
      const person = figure.parentElement.parentElement;
      for (const cells of person.querySelectorAll(".cells")) {
        cells.style.left = `${(100 * (first - from)) / (to - from)}%`;
        cells.style.width = `${(100 * (last - first)) / (to - from)}%`;
        cells.style.right = "auto";
      }
    });
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia("print").addEventListener("change", drawAll);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
})();
