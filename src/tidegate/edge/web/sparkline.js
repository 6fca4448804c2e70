// A line of the latest values, newest at the right edge; nulls are gaps.

/** Draws up to `most` values over the whole canvas, from zero up to a little above the highest. */
export function sparkline(canvas, values, most) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
  }
  const top = 1.15 * Math.max(1, ...values);
  const x = (i) => ((most - values.length + i) / (most - 1)) * width;
  const y = (value) => height - 2 * scale - (Math.max(value, 0) / top) * (height - 4 * scale);
  const line = canvas.getContext("2d");
  line.clearRect(0, 0, width, height);
  line.strokeStyle = getComputedStyle(canvas).color;
  line.lineWidth = 1.5 * scale;
  line.lineJoin = "round";
  line.beginPath();
  let pen = false;
  values.forEach((value, i) => {
    if (value !== null) line[pen ? "lineTo" : "moveTo"](x(i), y(value));
    pen = value !== null;
  });
  line.stroke();
}
