// The scripts of a collection, with the part of Postman's sandbox that is supported:
//
//   pm.test (also with a callback or a promise), pm.test.skip, pm.expect
//   pm.request      method, url.toString(), headers.{get, has, upsert, add, remove}, body.raw
//   pm.response     code, status, responseTime, responseSize, json(), text(), headers.{get, has, each, all},
//                   to.have.{status, header, body, jsonBody}, to.be.{ok, json, …}
//   pm.variables, pm.environment, pm.collectionVariables, pm.globals
//   pm.info, pm.execution.skipRequest, pm.sendRequest (promise or callback)
//   console, btoa, atob, URL, and the language itself
//
// Any other property of these objects is an error when it is read.

import vm from "node:vm";
import { Unsupported } from "./collection.mjs";
import { AssertionError, expect } from "./expect.mjs";

const scriptTimeoutMilliseconds = 5000;

class SkipRequest extends Error {}

/** Runs the collection's, the folders' and the request's scripts for one event, outermost first, as Postman does. */
export async function runScripts(event, state) {
    for (const script of state.item.scripts[event]) {
        const pending = [];
        const globals = sandboxGlobals(event, state, pending);
        state.report.script();
        try {
            const code = new vm.Script(`(async () => {\n${script.source}\n})()`, { filename: script.name, lineOffset: -1 });
            await code.runInContext(vm.createContext(globals), { timeout: scriptTimeoutMilliseconds });
            // A script may have started requests whose callbacks start more.
            for (let i = 0; i < pending.length; i += 1) await pending[i];
        } catch (error) {
            if (!(error instanceof SkipRequest)) throw error;
            state.skipped = true;
            return;
        }
    }
}

/** An object whose unknown properties are errors instead of undefined. */
function strict(name, members) {
    return new Proxy(members, {
        get(target, key) {
            if (typeof key === "symbol" || key === "then" || key === "toJSON" || key in target) return target[key];
            throw new Unsupported(`${name}.${key}`);
        },
    });
}

function sandboxGlobals(event, state, pending) {
    const log = (...values) => state.report.console(values.map((v) => (typeof v === "string" ? v : JSON.stringify(v))));
    return {
        pm: postman(event, state, pending),
        console: { log, info: log, warn: log, error: log },
        btoa,
        atob,
        URL,
        URLSearchParams,
        setTimeout: (work, milliseconds) => {
            pending.push(new Promise((resolve) => setTimeout(resolve, milliseconds)).then(work));
        },
    };
}

function postman(event, state, pending) {
    const { variables, item } = state;
    const members = {
        test: testFunction(state, pending),
        expect,
        info: strict("pm.info", { eventName: event, iteration: 0, iterationCount: 1, requestName: item.name }),
        request: requestFace(state),
        variables: variables.face("variables"),
        environment: variables.face("environment"),
        collectionVariables: variables.face("collection"),
        globals: variables.face("globals"),
        execution: strict("pm.execution", {
            skipRequest: () => {
                if (event !== "prerequest") throw new Error("pm.execution.skipRequest works in pre-request scripts only");
                throw new SkipRequest();
            },
        }),
        sendRequest: (request, callback) => sendRequest(state, pending, request, callback),
    };
    if (event === "test") members.response = responseFace(state.response);
    return strict("pm", members);
}

function testFunction({ report }, pending) {
    const test = (name, body) => {
        let outcome;
        try {
            // A test that takes an argument ends when it calls it, with an error or without.
            outcome = body.length > 0
                ? new Promise((resolve, reject) => body((error) => (error ? reject(error) : resolve())))
                : body();
        } catch (error) {
            report.assertion(name, error);
            return;
        }
        if (typeof outcome?.then !== "function") {
            report.assertion(name, null);
            return;
        }
        pending.push(outcome.then(() => report.assertion(name, null), (error) => report.assertion(name, error)));
    };
    test.skip = (name) => report.console([`- ${name} (skipped)`]);
    return test;
}

function requestFace(state) {
    const { request, variables } = state;
    const find = (name) => request.headers.findIndex(({ key }) => key.toLowerCase() === name.toLowerCase());
    const remove = (name) => void (request.headers = request.headers.filter(({ key }) => key.toLowerCase() !== name.toLowerCase()));
    const members = {
        get method() { return request.method; },
        set method(value) { request.method = value; },
        get url() { return strict("pm.request.url", { toString: () => variables.resolve(request.url) }); },
        set url(value) { request.url = String(value); },
        headers: strict("pm.request.headers", {
            get: (name) => variables.resolve(request.headers[find(name)]?.value),
            has: (name) => find(name) >= 0,
            add: ({ key, value }) => void request.headers.push({ key, value }),
            upsert: ({ key, value }) => { remove(key); request.headers.push({ key, value }); },
            remove,
        }),
        get body() { return request.body && strict("pm.request.body", { raw: request.body.raw, mode: request.body.mode }); },
    };
    return strict("pm.request", members);
}

function responseFace(response) {
    const text = () => response.bytes.toString("utf8");
    const json = () => {
        try {
            return JSON.parse(text());
        } catch (error) {
            throw new Error(`the body is not JSON (${error.message}): ${text().slice(0, 200)}`);
        }
    };
    const named = (name) => response.headers.filter(({ key }) => key.toLowerCase() === name.toLowerCase());
    const members = {
        code: response.code,
        status: response.status,
        responseTime: response.milliseconds,
        responseSize: response.bytes.length,
        text,
        json,
        headers: strict("pm.response.headers", {
            get: (name) => named(name)[0]?.value,
            has: (name) => named(name).length > 0,
            each: (visit) => response.headers.forEach(visit),
            all: () => response.headers,
        }),
    };
    members.to = responseExpectation(members);
    return strict("pm.response", members);
}

function responseExpectation(response) {
    const check = (holds, message) => {
        if (!holds) throw new AssertionError(message);
    };
    const type = () => response.headers.get("content-type") ?? "none";
    const statusIs = (test, what) => check(test(response.code), `expected ${what} but got ${response.code}`);
    const classes = {
        ok: () => statusIs((code) => code === 200, "status 200"),
        success: () => statusIs((code) => code >= 200 && code < 300, "a 2xx status"),
        redirection: () => statusIs((code) => code >= 300 && code < 400, "a 3xx status"),
        clientError: () => statusIs((code) => code >= 400 && code < 500, "a 4xx status"),
        serverError: () => statusIs((code) => code >= 500, "a 5xx status"),
        notFound: () => statusIs((code) => code === 404, "status 404"),
        unauthorized: () => statusIs((code) => code === 401, "status 401"),
        forbidden: () => statusIs((code) => code === 403, "status 403"),
        badRequest: () => statusIs((code) => code === 400, "status 400"),
        json: () => check(/^application\/(.+\+)?json\b/.test(type()), `expected a JSON body but got ${type()}`),
    };
    const be = {};
    for (const [name, body] of Object.entries(classes)) Object.defineProperty(be, name, { get: body, enumerable: true });
    const have = strict("pm.response.to.have", {
        status: (wanted) => {
            const actual = typeof wanted === "number" ? response.code : response.status;
            check(actual === wanted, `expected response to have status ${wanted} but got ${actual}: ${response.text().slice(0, 300)}`);
        },
        header: (name, value) => {
            check(response.headers.has(name), `expected response to have header ${name}`);
            if (value !== undefined) expect(response.headers.get(name)).to.equal(value);
        },
        body: (wanted) => expect(response.text()).to.equal(wanted),
        jsonBody: (wanted) => (wanted === undefined ? response.json() : expect(response.json()).to.eql(wanted)),
    });
    const negated = strict("pm.response.to.not.have", {
        header: (name) => check(!response.headers.has(name), `expected response not to have header ${name}`),
        status: (code) => check(response.code !== code, `expected response not to have status ${code}`),
    });
    return strict("pm.response.to", {
        have,
        be: strict("pm.response.to.be", be),
        not: strict("pm.response.to.not", { have: negated }),
    });
}

function sendRequest(state, pending, request, callback) {
    const { exchange, variables } = state;
    const details = typeof request === "string" ? { method: "GET", url: request } : { ...request };
    // pm.sendRequest also takes headers as an object.
    if (details.header && !Array.isArray(details.header)) {
        details.header = Object.entries(details.header).map(([key, value]) => ({ key, value }));
    }
    const outcome = (async () => responseFace(await exchange.send(exchange.resolve(exchange.draft({ details }), variables))))();
    if (!callback) return outcome;
    pending.push(outcome.then((response) => callback(null, response), (error) => callback(error)));
    return undefined;
}
