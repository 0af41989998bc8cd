// Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, by the browser's own cryptography.

const TOLERANCE_S = 300;
const PREFIX = "whsec_";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export class Unsure extends Error {}

function bytesOf(base64) {
  const text = base64.trim();
  if (!BASE64.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

// `name: value`, a line for each; names in any case
export function headersOf(text) {
  const lines = text.split(/\r?\n/).map((line) => line.match(/^\s*([\w-]+)\s*:\s*(.*?)\s*$/)).filter(Boolean);
  return Object.fromEntries(lines.map(([, name, value]) => [name.toLowerCase(), value]));
}

function needed(headers, name) {
  if (!headers[name]) throw new Unsure(`There is no ${name} among the headers.`);
  return headers[name];
}

// { isRight, ageS, isOld }; throws Unsure with a sentence when something is missing.
export async function checkSignature(secret, headersText, body, now) {
  const text = secret.trim();
  const key = text.startsWith(PREFIX) ? bytesOf(text.slice(PREFIX.length)) : null;
  if (!key) throw new Unsure("A secret begins with whsec_ and is base64 after it. Copy all of it.");
  const headers = headersOf(headersText);
  const id = needed(headers, "webhook-id");
  const at = needed(headers, "webhook-timestamp");
  const signatures = needed(headers, "webhook-signature").split(/\s+/);
  if (!/^\d{1,12}$/.test(at)) throw new Unsure("webhook-timestamp is no number of seconds.");
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const signed = new TextEncoder().encode(`${id}.${at}.${body}`);
  const checks = signatures.map((signature) => {
    const [version, code] = signature.split(",");
    const bytes = version === "v1" && code ? bytesOf(code) : null;
    return bytes ? crypto.subtle.verify("HMAC", imported, bytes, signed) : false;
  });
  const isRight = (await Promise.all(checks)).some(Boolean);
  const ageS = Math.round(now / 1000) - Number(at);
  return { isRight, ageS, isOld: Math.abs(ageS) > TOLERANCE_S };
}
