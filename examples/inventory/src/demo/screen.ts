// Shows the demonstration: redrawn in place on a terminal, told line by line elsewhere.

import type { WriteStream } from 'node:tty';
import { draw, type Picture } from './view.js';

export interface Screen {
  /** Gives the terminal back, with the last picture on it. */
  stop(): void;
}

const REDRAW_MS = 200;
const TELL_MS = 100;

export function showScreen(
  stream: WriteStream | NodeJS.WriteStream,
  picture: () => Picture,
): Screen {
  return stream.isTTY === true && process.env.TERM !== 'dumb'
    ? liveScreen(stream, picture)
    : plainScreen(stream, picture);
}

function liveScreen(stream: NodeJS.WriteStream, picture: () => Picture): Screen {
  let height = 0;
  const redraw = () => {
    const width = (stream.columns || 80) - 1;
    const lines = draw(picture(), width).map((line) => clip(line, width));
    const up = height > 0 ? `\u001b[${height}A` : '';
    stream.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    height = lines.length;
  };
  stream.write('\u001b[?25l');
  const timer = setInterval(redraw, REDRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      redraw();
      stream.write('\u001b[?25h');
    },
  };
}

/** Each act when it begins, with what the one before it cost; each line of the log once. */
function plainScreen(stream: NodeJS.WriteStream, picture: () => Picture): Screen {
  let told = 0;
  let acts = 0;
  let isInvited = false;
  const tell = () => {
    const { scene, seconds, acts: all } = picture();
    const at = `${seconds.toFixed(1).padStart(6)} s `;
    while (acts < scene.acts.length) {
      const act = scene.acts[acts];
      acts += 1;
      stream.write(`${at} act ${acts} of ${all}: ${act?.title}\n`);
    }
    for (const line of scene.log.slice(told)) stream.write(`${at}   ${line}\n`);
    told = scene.log.length;
    if (scene.invitation.length > 0 && !isInvited) {
      isInvited = true;
      stream.write(`\n${scene.invitation.join('\n')}\n\n`);
    }
  };
  const timer = setInterval(tell, TELL_MS);
  return {
    stop() {
      clearInterval(timer);
      tell();
    },
  };
}

/** Cuts to the width that the terminal shows; colour codes take no room. */
function clip(line: string, width: number): string {
  let shown = 0;
  let cut = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with escape.
  for (const [part] of line.matchAll(/\u001b\[\d+m|./gu)) {
    const isCode = part.startsWith('\u001b');
    if (!isCode && shown >= width) continue;
    if (!isCode) shown += 1;
    cut += part;
  }
  return cut;
}
