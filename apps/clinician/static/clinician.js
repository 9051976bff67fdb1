// Draws each curve with uPlot: the line, and its reference range as a band behind it.
"use strict";

const SHADE = "rgba(46, 125, 50, 0.12)";
const LINE = "#16324f";
const HEIGHT = 176;

function band(low, high) {
  return {
    hooks: {
      drawClear: [
        (plot) => {
          const { left, top, width, height } = plot.bbox;
          const bottom = top + height;
          const upper = high === null ? top : Math.max(top, plot.valToPos(high, "y", true));
          const lower = low === null ? bottom : Math.min(bottom, plot.valToPos(low, "y", true));
          if (lower > upper) {
            plot.ctx.fillStyle = SHADE;
            plot.ctx.fillRect(left, upper, width, lower - upper);
          }
        },
      ],
    },
  };
}

function scale(values, low, high) {
  const known = values.concat([low, high].filter((value) => value !== null));
  const least = Math.min(...known);
  const most = Math.max(...known);
  const margin = (most - least || Math.abs(most) || 1) * 0.1;
  return [least - margin, most + margin];
}

function draw(place) {
  const curve = JSON.parse(document.getElementById(place.dataset.curve).textContent);
  const bounds = scale(curve.y, curve.low, curve.high);
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { live: true },
    scales: { y: { range: () => bounds } },
    series: [{ value: "{YYYY}-{MM}-{DD}" }, { label: curve.unit, stroke: LINE, width: 2, points: { show: true, size: 6 } }],
    axes: [{}, { size: 48 }],
    plugins: curve.low === null && curve.high === null ? [] : [band(curve.low, curve.high)],
  };
  const plot = new uPlot(options, [curve.x, curve.y], place);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
}

// A record may hold a hundred curves: each is drawn when it comes into view.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "200px" });
for (const place of document.querySelectorAll("[data-curve]")) {
  seen.observe(place);
}
