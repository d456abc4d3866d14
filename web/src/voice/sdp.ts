// The few lines of a session description that are ours to change.

/** Opus in stereo where a line of its format says what else it can (Chromium and Safari mix down to one ear otherwise). */
export function inStereo(sdp: string, mids: readonly string[] | 'all'): string {
  return sections(sdp)
    .map((section) => {
      const mid = /^a=mid:(.*)$/m.exec(section)?.[1]?.trim();
      if (!section.startsWith('m=audio') || (mids !== 'all' && !mids.includes(mid ?? ''))) return section;
      return section.replace(/^(a=fmtp:\d+ .*useinbandfec=1)(?!;stereo)/gm, '$1;stereo=1;sprop-stereo=1');
    })
    .join('');
}

/** A description cut before each `m=` line. */
function sections(sdp: string): string[] {
  return sdp.split(/(?=^m=)/m);
}
