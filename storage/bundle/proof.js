// Verifies events with nothing but the browser's own SHA-256 and Ed25519: in a bundle's page, and on the auditor's.

const utf8 = new TextEncoder();

export class Broken extends Error {}

const must = (sound, message) => { if (!sound) throw new Broken(message); };
const joined = (...parts) => {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((place, part) => { all.set(part, place); return place + part.length; }, 0);
  return all;
};
const sha = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (one, other) => hex(one) === hex(other);
const fromHex = (text) => {
  must(/^([0-9a-f]{2})*$/.test(text), "a hash is malformed");
  return new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
};
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const whole = (value) => { must(Number.isSafeInteger(value), "a number is malformed"); return BigInt(value); };
const integer = (value, size) => {
  must(BigInt.asIntN(8 * size, value) === value, "a number is too large");
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, value);
  return new Uint8Array(view.buffer).slice(8 - size);
};
const microseconds = (time) => {
  must(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(time), "a time is malformed");
  const second = new Date(`${time.slice(0, 19)}Z`);
  // Some browsers take the 30th of February for a day of March.
  must(!Number.isNaN(+second) && second.toISOString().startsWith(time.slice(0, 19)), "a time is malformed");
  return BigInt(+second) * 1000n + BigInt(time.slice(20, 26));
};
// What is no text, and half a letter, would be hashed as something else than it is shown as.
const digest = async (text) => {
  must(typeof text === "string" && !/\p{Surrogate}/u.test(text), "a text is malformed");
  return sha(utf8.encode(text));
};

export async function eventHash(event) {
  must(/^[0-9a-f]{64}$/.test(event.previous), "a hash is malformed");
  must(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(event.id), "an id is malformed");
  must((event.fence ?? 0) >= 0, "no attempt has such a number");
  return sha(
    fromHex(event.previous),
    await digest(event.stream),
    integer(whole(event.version), 4),
    fromHex(event.id.replaceAll("-", "")),
    await digest(event.type),
    integer(whole(event.schema), 2),
    integer(microseconds(event.recorded_at), 8),
    integer(whole(event.fence ?? -1), 8),
    await digest(event.data),
    await digest(event.meta),
  );
}

// RFC 9162, section 2.1.3.2.
export async function included(leaf, index, size, proof, root) {
  if (index < 0 || index >= size) return false;
  let place = BigInt(index), last = BigInt(size) - 1n, found = await sha([0], leaf);
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (place & 1n || place === last) {
      found = await sha([1], sibling, found);
      while (!(place & 1n) && place) { place >>= 1n; last >>= 1n; }
    } else {
      found = await sha([1], found, sibling);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return last === 0n && same(found, root);
}

export function readCheckpoint(text) {
  const end = text.lastIndexOf("\n\n");
  const lines = text.slice(0, Math.max(end, 0)).split("\n");
  must(end > 0 && (lines.length === 3 || lines.length === 4), "a checkpoint is malformed");
  const signatures = text.slice(end + 2).trimEnd().split("\n").map((line) => {
    const [dash, name, encoded] = line.split(" ");
    must(dash === "\u2014" && encoded, "a signature is malformed");
    const raw = fromBase64(encoded);
    return { name, id: hex(raw.slice(0, 4)), signature: raw.slice(4) };
  });
  return {
    origin: lines[0], size: Number(lines[1]), root: fromBase64(lines[2]),
    signed: `${text.slice(0, end)}\n`, signatures,
  };
}

export async function readKey(text) {
  const [name, id, ...rest] = text.trim().split("+");
  let raw;
  try { raw = fromBase64(rest.join("+")); } catch { raw = new Uint8Array(); }
  must(raw.length === 33 && raw[0] === 1, "a key looks like name+id+base64");
  must(hex((await sha(utf8.encode(`${name}\n`), raw)).slice(0, 4)) === id, "this key's id is not its own");
  return { name, id, public: raw.slice(1) };
}

async function signedBy(checkpoint, key) {
  const line = checkpoint.signatures.find((each) => each.name === key.name && each.id === key.id);
  if (!line || key.name !== checkpoint.origin) return false;
  const imported = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, line.signature, utf8.encode(checkpoint.signed));
}

// The root of the tree over all leaves that were given to ``grow``, one after another.
class Tree {
  peaks = [];

  async grow(leaf, size) {
    let node = await sha([0], leaf);
    for (let rest = size; rest % 2 === 0; rest /= 2) node = await sha([1], this.peaks.pop(), node);
    this.peaks.push(node);
  }

  async root() {
    let [root, ...others] = this.peaks.toReversed();
    for (const peak of others) root = await sha([1], peak, root);
    return root;
  }
}

// Checks every event of a bundle against its hash, the one before it, and the latest checkpoint's root: by its proof, or,
// of a whole log, by the tree over all of them. ``mark`` is told of each by its place. Returns that checkpoint, or throws
// ``Broken`` with the first fault.
export async function verify(bundle, mark) {
  const kind = bundle.kind ?? "order";
  const checkpoint = readCheckpoint(bundle.checkpoints.at(-1));
  const roots = new Map(bundle.checkpoints.map(readCheckpoint).map(({ size, root }) => [size, root]));
  const heads = new Map(), tree = new Tree(), belonging = new Set();
  for (const [number, event] of bundle.events.entries()) {
    const where = `${event.stream} version ${event.version}`;
    try {
      let before = heads.get(event.stream);
      // What came before the range is not in here.
      if (!before && kind !== "range") before = { version: 0, hash: await sha(utf8.encode(event.stream)) };
      if (before) {
        must(event.version === before.version + 1, `${where}: version ${before.version + 1} is missing`);
        must(event.previous === hex(before.hash), `${where}: it does not follow from the event before it`);
      }
      const hash = await eventHash(event);
      must(event.hash === hex(hash), `${where}: its hash is not that of its content`);
      whole(event.position);
      if (kind !== "order") {
        const place = bundle.from + number;
        must(event.position === place, `${where}: the event at position ${place} is missing`);
      }
      if (kind === "log") {
        await tree.grow(hash, event.position);
        const root = roots.get(event.position);
        const sound = !root || same(await tree.root(), root);
        must(sound, `${where}: the events up to here are not those of the checkpoint at ${event.position}`);
      } else {
        const proof = (bundle.proofs.inclusion[event.position] ?? []).map(fromBase64);
        const sound = await included(hash, event.position - 1, checkpoint.size, proof, checkpoint.root);
        must(sound, `${where}: nothing proves that it is in the log at position ${event.position}`);
      }
      heads.set(event.stream, { version: event.version, hash });
      if (kind === "order" && event.type === "order-placed") {
        // To an order belong the orders that are parts of it; to each of them, its payment.
        const { parent, tenant, intent } = JSON.parse(event.data);
        if (event.stream === `order-${bundle.order}` || parent === bundle.order) {
          belonging.add(event.stream).add(`payment-${tenant}/${intent}`);
        }
      }
      mark(number, true);
    } catch (error) {
      mark(number, false);
      throw error;
    }
  }
  if (kind === "order") {
    must(heads.has(`order-${bundle.order}`), "there is no event of this order");
    for (const stream of heads.keys()) must(belonging.has(stream), `${stream} does not belong to this order`);
  } else must(bundle.events.length === bundle.total, `these are ${bundle.events.length} of ${bundle.total} events`);
  must(kind !== "log" || bundle.total === checkpoint.size, "it is not all that the checkpoint covers");
  return checkpoint;
}

// Says what was verified, and by whose key; throws ``Broken`` if the key has not signed the checkpoint. Without a key
// that the reader trusts, the bundle's own are believed.
export async function judge(bundle, checkpoint, given) {
  const keys = await Promise.all((given ? [given] : bundle.keys).map(readKey));
  let by;
  for (const key of keys) if (await signedBy(checkpoint, key)) by = key;
  must(by, given ? "The key you trust has not signed this." : "No key has signed this.");
  const whose = bundle.order ? " of this order" : "";
  const newer = bundle.left_out ? ` ${bundle.left_out} newer events${whose} are not in here.` : "";
  return `These ${bundle.events.length} events stand unchanged in the log ${checkpoint.origin}, `
    + `which had ${checkpoint.size} events when it was signed.${newer} `
    + (given ? "The key you trust has signed it." : "The key came with these events: enter one you trust.");
}

// The verdict on a bundle: a sentence for people, and ``sound``, ``broken``, or nothing if this browser cannot tell.
export async function verdictOn(bundle, mark, given) {
  try {
    return { state: "sound", text: await judge(bundle, await verify(bundle, mark), given) };
  } catch (error) {
    if (error.name === "NotSupportedError" || !globalThis.crypto?.subtle) {
      return { state: "", text: "This browser cannot verify it here: use verify.py from the bundle." };
    }
    return { state: "broken", text: error instanceof Broken ? error.message : `It cannot be read (${error.name}).` };
  }
}
