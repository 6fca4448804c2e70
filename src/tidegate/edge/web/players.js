// The ways to play a channel, behind one shape:
//
//   new Player(video, channel)
//   play(): Promise<string>   plays; resolves with a word once this player can go no further
//   wall(): number | null     ingest's clock (ms since 1970) at the picture on screen
//   live()                    jumps to the live end
//   bytes: number             media received so far; null where that cannot be known
//   close()                   lets go of the video; never fails

import { FlvPlayer } from "./flv_player.js";
import { HlsPlayer } from "./hls_player.js";
import { NativePlayer } from "./native_player.js";

const SOURCES = "MediaSource" in window || "ManagedMediaSource" in window;

/** Whether this browser can play by "hls" or by "flv". */
export function playable(mode) {
  return SOURCES || mode === "hls";
}

/** A player for the mode that `playable` allowed. */
export function player(mode, video, channel) {
  if (mode === "flv") return new FlvPlayer(video, channel);
  return SOURCES ? new HlsPlayer(video, channel) : new NativePlayer(video, channel);
}
