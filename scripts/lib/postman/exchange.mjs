// One request and its response over HTTP/1.1, with node:http(s): every byte of the request is the collection's own.

import dns from "node:dns";
import http from "node:http";
import https from "node:https";
import { Unsupported } from "./collection.mjs";

// `localhost` is ::1 before 127.0.0.1 on most machines, and Node before 20 tries the first address alone.
dns.setDefaultResultOrder("ipv4first");

const maximumResponseBytes = 32 * 1024 * 1024;

export class Exchange {
    constructor(timeoutMilliseconds) {
        this.timeout = timeoutMilliseconds;
        this.agents = {
            "http:": new http.Agent({ keepAlive: true }),
            "https:": new https.Agent({ keepAlive: true }),
        };
    }

    close() {
        Object.values(this.agents).forEach((agent) => agent.destroy());
    }

    /** A request as the collection has it, placeholders unresolved: what a pre-request script may still change. */
    draft({ details, auth }) {
        return {
            method: details.method ?? "GET",
            url: urlText(details.url),
            headers: enabled(details.header ?? []).map(({ key, value }) => ({ key, value })),
            body: details.body,
            auth,
        };
    }

    /** The request to send: {method, url, headers: [[name, value]…], body: Buffer or null}. */
    resolve(draft, variables) {
        const value = (text) => variables.resolve(text ?? "");
        const headers = draft.headers.map(({ key, value: text }) => [value(key), value(text)]);
        const has = (name) => headers.some(([key]) => key.toLowerCase() === name);
        const [body, contentType] = bodyBytes(draft.body, value);
        if (contentType && !has("content-type")) headers.push(["Content-Type", contentType]);
        const authorization = authorizationValue(draft.auth, value);
        if (authorization && !has("authorization")) headers.push(["Authorization", authorization]);
        // With raw header lines node:http adds none of its own.
        if (!has("host")) headers.unshift(["Host", new URL(value(draft.url)).host]);
        if (!has("user-agent")) headers.push(["User-Agent", "gatehouse-postman-runner/1"]);
        if (!has("accept")) headers.push(["Accept", "*/*"]);
        if (body && !has("transfer-encoding")) headers.push(["Content-Length", String(body.length)]);
        if (!body && ["POST", "PUT", "PATCH"].includes(draft.method)) headers.push(["Content-Length", "0"]);
        return { method: value(draft.method), url: value(draft.url), headers, body };
    }

    /** Never follows a redirect. Rejects when no complete answer arrives in time. */
    send({ method, url, headers, body }) {
        const target = new URL(url);
        const library = { "http:": http, "https:": https }[target.protocol];
        if (!library) throw new Unsupported(`the address ${url}`);
        const begin = performance.now();
        return new Promise((resolve, reject) => {
            let answered = false;
            const request = library.request({
                method,
                host: target.hostname.replace(/^\[|\]$/g, ""),
                port: target.port || undefined,
                // The URL class would normalise the path; the server must see what the collection says.
                path: originForm(url),
                headers: headers.flat(),
                agent: this.agents[target.protocol],
                // Every address of the name, one after the other (the default since Node 20).
                autoSelectFamily: true,
            });
            request.setTimeout(this.timeout, () => request.destroy(new Error(`no answer within ${this.timeout} ms`)));
            request.on("error", (error) => {
                // A server may refuse a body before it has read it all and close: the answer is what counts.
                if (!answered) reject(new Error(`${error.message || error.code} (${method} ${url})`));
            });
            request.on("response", (response) => {
                answered = true;
                read(response).then((bytes) => resolve(describe(response, bytes, performance.now() - begin)), reject);
            });
            request.end(body ?? undefined);
        });
    }
}

function originForm(url) {
    const rest = url.slice(url.indexOf("//") + 2).replace(/#.*$/s, "");
    const slash = rest.search(/[/?]/);
    if (slash < 0) return "/";
    return rest[slash] === "?" ? `/${rest.slice(slash)}` : rest.slice(slash);
}

async function read(response) {
    const chunks = [];
    let size = 0;
    for await (const chunk of response) {
        size += chunk.length;
        if (size > maximumResponseBytes) throw new Error("the answer is larger than 32 MiB");
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}

function describe(response, bytes, milliseconds) {
    const headers = [];
    for (let i = 0; i < response.rawHeaders.length; i += 2) {
        headers.push({ key: response.rawHeaders[i], value: response.rawHeaders[i + 1] });
    }
    return { code: response.statusCode, status: response.statusMessage, headers, bytes, milliseconds };
}

function enabled(entries) {
    return entries.filter((entry) => entry.disabled !== true);
}

function urlText(url) {
    if (typeof url === "string") return url;
    if (enabled(url.variable ?? []).length > 0) throw new Unsupported("path variables");
    if ((url.query ?? []).some((entry) => entry.disabled)) throw new Unsupported("disabled query parameters");
    return url.raw;
}

function bodyBytes(body, value) {
    if (!body || body.disabled) return [null, null];
    switch (body.mode) {
        case "raw": {
            const language = body.options?.raw?.language ?? "text";
            const types = { json: "application/json", text: "text/plain", xml: "application/xml" };
            if (!types[language]) throw new Unsupported(`raw body language ${language}`);
            return [Buffer.from(value(body.raw)), types[language]];
        }
        case "urlencoded": {
            const form = new URLSearchParams(enabled(body.urlencoded).map((entry) => [value(entry.key), value(entry.value)]));
            return [Buffer.from(form.toString()), "application/x-www-form-urlencoded"];
        }
        default:
            throw new Unsupported(`body mode ${body.mode}`);
    }
}

function authorizationValue(auth, value) {
    if (!auth || auth.type === "noauth") return null;
    const parameter = (key) => value(auth[auth.type].find((entry) => entry.key === key)?.value);
    switch (auth.type) {
        case "bearer":
            return `Bearer ${parameter("token")}`;
        case "basic":
            return `Basic ${Buffer.from(`${parameter("username")}:${parameter("password")}`).toString("base64")}`;
        default:
            throw new Unsupported(`auth type ${auth.type}`);
    }
}
