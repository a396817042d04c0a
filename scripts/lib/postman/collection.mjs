// A collection's tree as a flat list of requests, each with the scripts and the auth it inherits.

/** A collection asks for something this runner does not do. */
export class Unsupported extends Error {
    constructor(what) {
        super(`not supported by scripts/lib/postman-runner.mjs: ${what}`);
        this.name = "Unsupported";
    }
}

const known = {
    collection: ["info", "item", "event", "auth", "variable"],
    folder: ["name", "description", "item", "event", "auth", "id"],
    request: ["name", "description", "request", "response", "event", "protocolProfileBehavior", "id"],
    details: ["method", "header", "body", "url", "auth", "description"],
    behavior: ["followRedirects", "disableBodyPruning"],
};

function requireKnown(kind, value, name) {
    for (const key of Object.keys(value)) {
        if (!known[kind].includes(key)) throw new Unsupported(`"${key}" of the ${kind} "${name}"`);
    }
}

/** [{name, path, details, auth, scripts: {prerequest: [...], test: [...]}}], in the order Postman runs them. */
export function flatten(collection, folders) {
    if (!String(collection.info?.schema).includes("/v2.1.0/")) throw new Unsupported(`schema ${collection.info?.schema}`);
    requireKnown("collection", collection, collection.info.name);
    const items = [];
    const root = { path: [], auth: collection.auth, scripts: scriptsOf(collection), selected: folders.length === 0 };
    visit(collection.item, root, items, folders);
    for (const folder of folders) {
        if (!items.some((item) => item.path.includes(folder))) throw new Error(`there is no folder "${folder}"`);
    }
    return items;
}

function visit(children, parent, items, folders) {
    for (const child of children) {
        const scripts = append(parent.scripts, scriptsOf(child));
        if (child.item) {
            requireKnown("folder", child, child.name);
            const selected = parent.selected || folders.includes(child.name);
            visit(child.item, { path: [...parent.path, child.name], auth: child.auth ?? parent.auth, scripts, selected }, items, folders);
        } else if (parent.selected) {
            requireKnown("request", child, child.name);
            requireKnown("details", child.request, child.name);
            requireKnown("behavior", child.protocolProfileBehavior ?? {}, child.name);
            items.push({
                name: child.name,
                path: parent.path,
                details: child.request,
                auth: child.request.auth ?? parent.auth,
                scripts,
            });
        }
    }
}

function scriptsOf(node) {
    const scripts = { prerequest: [], test: [] };
    for (const event of node.event ?? []) {
        if (!scripts[event.listen]) throw new Unsupported(`event "${event.listen}"`);
        const source = event.script.exec ?? "";
        scripts[event.listen].push({ name: node.name ?? "collection", source: [].concat(source).join("\n") });
    }
    return scripts;
}

function append(outer, inner) {
    return { prerequest: [...outer.prerequest, ...inner.prerequest], test: [...outer.test, ...inner.test] };
}
