// What the edge says of a channel, read from its playlists: they are cached for every viewer alike.

const TIMEOUT_MS = 4000;

/**
 * Resolves to {state, epoch, tail}: state is "live", "off" (no such channel, or its end is written)
 * or "away" (the edge does not answer); `tail` changes whenever the channel grows.
 */
export async function probe(channel) {
  const nothing = (state) => ({ state, epoch: null, tail: null });
  try {
    const master = new URL(`/live/${channel}.m3u8`, location.href);
    const variants = await text(master);
    const first = variants?.split("\n").find((line) => line && !line.startsWith("#"));
    if (!first) return nothing("off");
    const playlist = await text(new URL(first, master));
    if (playlist === null || playlist.includes("#EXT-X-ENDLIST")) return nothing("off");
    return { state: "live", epoch: first.split("/").at(-2), tail: playlist.slice(-400) };
  } catch {
    return nothing("away");
  }
}

/** The body; null where there is nothing by that name. */
async function text(url) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.status === 404 || answer.status === 410) return null;
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}
