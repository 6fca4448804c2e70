// Reads the demo channel's strip off the video: the twin of src/tidegate/demo/strip.py.
// Calls back with true latency in seconds for each frame shown.
(video) => {
  const [WIDTH, HEIGHT, BLOCK, LEFT, TOP, BITS, PRIME] = [960, 540, 16, 80, 512, 50, 251];
  const canvas = new OffscreenCanvas(WIDTH, BLOCK);
  const paper = canvas.getContext("2d", { willReadFrequently: true });

  const read = () => {
    paper.drawImage(video, 0, TOP, WIDTH, BLOCK, 0, 0, WIDTH, BLOCK);
    const { data } = paper.getImageData(LEFT, BLOCK / 2, BITS * BLOCK, 1);
    let [ms, check] = [0, 0];
    for (let bit = 0; bit < BITS; bit++) {
      const white = data[4 * (bit * BLOCK + BLOCK / 2) + 1] > 128 ? 1 : 0;
      if (bit < 42) ms = ms * 2 + white;
      else check = check * 2 + white;
    }
    return check === PRIME - 1 - (ms % PRIME) ? ms : null;
  };

  const seen = { latencies: [], unread: 0, gaps: [] };
  let last = null;
  const frame = () => {
    if (video.videoWidth === WIDTH && video.videoHeight === HEIGHT) {
      const [ms, now] = [read(), performance.now()];
      if (ms === null) seen.unread += 1;
      else seen.latencies.push((Date.now() - ms) / 1000);
      if (last !== null) seen.gaps.push((now - last) / 1000);
      last = now;
    }
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  return seen;
}
