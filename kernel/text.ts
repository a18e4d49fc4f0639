/** Untrusted text made safe to print. */

// CSI, OSC, DCS, APC, PM and SOS sequences with their terminators, then every other control character but tab and newline.
// ECMA-48. OSC 52 writes the clipboard and OSC 8 hides a link's target, so whole sequences are removed.
const sequences =
  // oxlint-disable-next-line no-control-regex -- this pattern finds control characters
  /\u001b\[[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[\s\S]*?(?:\u0007|\u001b\\|\u009c|$)|\u001b[ -/]*[0-~]?/g;

// oxlint-disable-next-line no-control-regex -- as above
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Removes escape sequences and control characters, so that text from outside cannot repaint a terminal or reach its clipboard. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(sequences, '').replaceAll(controls, '');
}

/** Does the same, and removes `user:password@` from addresses. */
export function redacted(text: string): string {
  return printable(text).replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi, '$1***@');
}
