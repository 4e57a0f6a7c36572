// What draws the page. html makes a description of nodes from a template, and draw
// changes the document where the last description differs from the one before, so
// that focus, selection and open dialogs stay. In a template
//
//   html`<button class="main" disabled=${sending} onClick=${send}>${text}</button>
//     <${Table} rows=${rows}>${nothing && "…"}<//>`
//
// a value may stand for a tag (a function or a Component), for an attribute, for a part
// of a quoted one, and for children: text, numbers, descriptions, lists of them. null,
// undefined, true and false are nothing. key tells the members of a list apart, ref={current}
// gets the element. Every tag is closed, and text is never read as markup.

const recipes = new WeakMap(); // by the template's strings: what was read of it

const tag = /<(\/?)([^\s/>]*)((?:\s+[^\s=/>]+(?:=(?:"[^"]*"|[^\s"/>]+))?)*)\s*(\/?)>/g;
const attribute = /([^\s=]+)(?:=(?:"([^"]*)"|(\S+)))?/g;
const broken = /^\s*\n\s*|\s*\n\s*$/g; // where a template's line ends
const slot = /\0(\d+)\0/;

// pieces splits text at its slots: strings stay, numbers say which value comes in.
const pieces = (text) => text.split(slot).map((piece, i) => i % 2 ? Number(piece) : piece).filter((piece) => piece !== "");

function read(strings) {
  const source = strings.reduce((all, s, i) => `${all}\0${i - 1}\0${s}`);
  const root = { children: [] }, open = [root];
  const add = (child) => open.at(-1).children.push(child);
  const text = (s) => pieces(s).map((p) => typeof p === "string" ? p.replace(broken, "") : p).filter((p) => p !== "").forEach(add);
  let end = 0;
  for (const match of source.matchAll(tag)) {
    const [all, closes, name, attributes, empty] = match;
    text(source.slice(end, match.index));
    end = match.index + all.length;
    if (closes) { open.pop(); continue; }
    const node = { tag: pieces(name)[0], attributes: [], children: [] };
    for (const [, key, quoted, bare] of attributes.matchAll(attribute)) {
      node.attributes.push([key, quoted === undefined && bare === undefined ? [true] : pieces(quoted ?? bare)]);
    }
    add(node);
    if (!empty) open.push(node);
  }
  text(source.slice(end));
  if (open.length !== 1) throw new SyntaxError(`a tag is not closed: ${source}`);
  return root.children;
}

function fill(recipe, values) {
  if (typeof recipe === "string") return recipe;
  if (typeof recipe === "number") return values[recipe];
  const props = {};
  for (const [name, parts] of recipe.attributes) {
    const filled = parts.map((p) => typeof p === "number" ? values[p] : p);
    props[name] = parts.length === 1 ? filled[0] : filled.join("");
  }
  const { key, ref, ...rest } = props;
  return { tag: typeof recipe.tag === "number" ? values[recipe.tag] : recipe.tag, key, ref, props: rest, children: recipe.children.map((r) => fill(r, values)) };
}

export function html(strings, ...values) {
  if (!recipes.has(strings)) recipes.set(strings, read(strings));
  const made = recipes.get(strings).map((recipe) => fill(recipe, values));
  return made.length === 1 ? made[0] : made;
}

// A Component keeps state between drawings. It may have componentDidMount, which is
// called once its nodes are in the document, and componentWillUnmount.
export class Component {
  state = {};
  setState(change) {
    this.state = { ...this.state, ...change };
    schedule();
  }
}

export const createRef = () => ({ current: null });

// A mounted description has what it described, its own element or text node if it has
// one, what is mounted inside, and the Component that it is of.
const kind = (d) => Array.isArray(d) ? "list" : d == null || typeof d === "boolean" ? "nothing" : typeof d === "object" ? d.tag : "text";
const keyOf = (d) => typeof d === "object" ? d?.key : undefined;
const nodes = (m) => m.node ? [m.node] : m.inside.flatMap(nodes);

let root = null, begun = []; // begun: Components that are new in this drawing

function mount(was, d, space) {
  const what = kind(d);
  if (was && (kind(was.d) !== what || keyOf(was.d) !== keyOf(d))) { unmount(was); was = null; }
  const m = was ?? { inside: [] };
  const before = m.d;
  m.d = d;
  switch (true) {
    case what === "nothing":
      break;
    case what === "list":
      mountAll(m, d, space);
      break;
    case what === "text":
      m.node ??= document.createTextNode("");
      if (m.node.data !== String(d)) m.node.data = String(d);
      break;
    case typeof what === "function":
      mountAll(m, [called(m, what, d)], space);
      break;
    default:
      space = what === "svg" ? "http://www.w3.org/2000/svg" : space;
      m.node ??= space ? document.createElementNS(space, what) : document.createElement(what);
      if (d.ref) d.ref.current = m.node;
      mountAll(m, d.children, space);
      arrange(m.node, m.inside.flatMap(nodes));
      for (const name of new Set([...Object.keys(before?.props ?? {}), ...Object.keys(d.props)])) {
        set(m.node, name, before?.props[name], d.props[name], space);
      }
  }
  return m;
}

// called is what a function or a Component describes.
function called(m, what, d) {
  const props = { ...d.props, children: d.children.length === 1 ? d.children[0] : d.children };
  if (!(what.prototype instanceof Component)) return what(props);
  if (!m.component) begun.push(m.component = new what());
  m.component.props = props;
  return m.component.render(props, m.component.state);
}

// mountAll mounts children: each takes over from the one with its key, or its place.
function mountAll(m, descriptions, space) {
  const name = (d, i) => keyOf(d) ?? `\0${i}`;
  const old = new Map(m.inside.map((child, i) => [name(child.d, i), child]));
  m.inside = descriptions.map((d, i) => {
    const was = old.get(name(d, i));
    old.delete(name(d, i));
    return mount(was, d, space);
  });
  for (const gone of old.values()) unmount(gone);
}

function unmount(m) {
  m.component?.componentWillUnmount?.();
  if (m.d?.ref) m.d.ref.current = null;
  m.inside.forEach(unmount);
  m.node?.remove();
}

// arrange puts nodes in their order, and moves only the misplaced ones.
function arrange(parent, wanted) {
  let at = parent.firstChild;
  for (const node of wanted) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

function set(node, name, before, now, space) {
  if (name.startsWith("on")) {
    const event = name.slice(2).toLowerCase();
    if (before === now) return;
    if (before) node.removeEventListener(event, before);
    if (now) node.addEventListener(event, now);
  } else if (name === "checked") { // a person may have changed it since
    node.checked = !!now;
  } else if (name === "value") {
    if (node.value !== String(now ?? "")) node.value = now ?? "";
  } else if (before === now) {
    return;
  } else if (name.includes("-") && now != null) { // aria-…, data-…: false is a word there
    node.setAttribute(name, now);
  } else if (typeof now === "boolean" && !space && name in node) {
    node[name] = now;
  } else if (now == null || now === false) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, now === true ? "" : now);
  }
}

let scheduled = false;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => { scheduled = false; if (root) draw(root.d, root.parent); });
}

// draw makes the document below parent what the description says.
export function draw(d, parent) {
  const m = mount(root?.mounted, d);
  root = { mounted: m, d, parent };
  arrange(parent, nodes(m));
  const fresh = begun;
  begun = [];
  for (const component of fresh) component.componentDidMount?.();
}
