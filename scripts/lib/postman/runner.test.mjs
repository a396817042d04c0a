// node --test scripts/lib/postman: the runner against a server of its own, and expect by itself.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { expect } from "./expect.mjs";

const runner = fileURLToPath(new URL("../postman-runner.mjs", import.meta.url));
const schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
let server, base, directory;

before(async () => {
    directory = mkdtempSync(join(tmpdir(), "postman-runner-"));
    server = http.createServer((request, response) => {
        let body = "";
        request.on("data", (chunk) => (body += chunk));
        request.on("end", () => {
            response.writeHead(request.url.startsWith("/missing") ? 404 : 200, { "content-type": "application/json", "x-two": ["a", "b"] });
            const { method, url, headers } = request;
            response.end(method === "HEAD" ? undefined : JSON.stringify({ method, url, headers, body }));
        });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
    server.close();
    rmSync(directory, { recursive: true });
});

/** Runs a collection of these items; resolves to {code, output}. */
function run(items, { options = [], ...collection } = {}) {
    const file = join(directory, "collection.json");
    const environment = join(directory, "environment.json");
    writeFileSync(file, JSON.stringify({ info: { name: "Test", schema }, item: items, ...collection }));
    writeFileSync(environment, JSON.stringify({ values: [{ key: "base", value: base }, { key: "secret", value: "t0ken" }] }));
    return new Promise((resolve) => {
        execFile(process.execPath, [runner, file, "--environment", environment, ...options], (error, stdout, stderr) => {
            resolve({ code: error ? error.code : 0, output: stdout + stderr });
        });
    });
}

const script = (listen, source) => ({ listen, script: { exec: source.split("\n") } });

function request(name, details, source, before = "") {
    return { name, request: { url: "{{base}}/x", method: "GET", ...details }, event: [script("prerequest", before), script("test", source)] };
}

async function passes(items, collection) {
    const { code, output } = await run(items, collection);
    assert.equal(code, 0, output);
    return output;
}

async function fails(items, wanted, code = 1, collection = {}) {
    const outcome = await run(items, collection);
    assert.equal(outcome.code, code, outcome.output);
    assert.match(outcome.output, wanted);
}

test("sends method, path, header fields and body as the collection has them", () => passes([
    request("a", {
        method: "PUT",
        url: { raw: "{{base}}/a%2Fb/../c?q=%2e&q=2", host: ["{{base}}"] },
        header: [{ key: "X-Given", value: "{{word}}" }, { key: "X-Off", value: "1", disabled: true }],
        body: { mode: "raw", raw: "{\"word\": \"{{word}}\"}", options: { raw: { language: "json" } } },
    }, `
        const echo = pm.response.json();
        pm.test("method", () => pm.expect(echo.method).to.equal("PUT"));
        pm.test("target", () => pm.expect(echo.url).to.equal("/a%2Fb/../c?q=%2e&q=2"));
        pm.test("header", () => pm.expect(echo.headers).to.include({ "x-given": "later", "content-type": "application/json" }));
        pm.test("no disabled header", () => pm.expect(echo.headers).to.not.have.property("x-off"));
        pm.test("body", () => pm.expect(JSON.parse(echo.body)).to.eql({ word: "later" }));
        pm.test("lists of another realm are equal", () => pm.expect(Object.keys(JSON.parse(echo.body)).map((key) => [key])).to.eql([["word"]]));
    `, "pm.variables.set('word', '{{inner}}'); pm.collectionVariables.set('inner', 'later');"),
]));

test("inherits auth, overrides it and leaves it out", () => passes([
    request("inherited", {}, "pm.test('t', () => pm.expect(pm.response.json().headers.authorization).to.equal('Bearer t0ken'));"),
    request("none", { auth: { type: "noauth" } }, "pm.test('t', () => pm.expect(pm.response.json().headers.authorization).to.be.undefined);"),
    { name: "folder", auth: { type: "bearer", bearer: [{ key: "token", value: "other" }] }, item: [
        request("own", {}, "pm.test('t', () => pm.expect(pm.response.json().headers.authorization).to.equal('Bearer other'));"),
    ] },
], { auth: { type: "bearer", bearer: [{ key: "token", value: "{{secret}}" }] } }));

test("runs the scripts of collection, folder and request in this order", () => passes([
    { name: "folder", event: [script("prerequest", "pm.environment.set('order', pm.environment.get('order') + 'f')")], item: [
        request("r", {}, "pm.test('t', () => pm.expect(pm.environment.get('order')).to.equal('cfr'));",
            "pm.environment.set('order', pm.environment.get('order') + 'r')"),
    ] },
], { event: [script("prerequest", "pm.environment.set('order', 'c')")] }));

test("keeps collection variables for later requests and local ones for one", () => passes([
    request("one", {}, "pm.collectionVariables.set('kept', 1); pm.variables.set('lost', 1); pm.test('t', () => {});"),
    request("two", {}, "pm.test('t', () => { pm.expect(pm.variables.get('kept')).to.equal(1); pm.expect(pm.variables.has('lost')).to.be.false; });"),
]));

test("waits for asynchronous tests and for sendRequest", async () => {
    const source = (wanted) => `pm.test("later", async () => {
        const answer = await pm.sendRequest({ url: pm.variables.replaceIn("{{base}}/y"), method: "GET", header: { "x-a": "1" } });
        pm.expect(answer.json().url).to.equal("${wanted}");
    });`;
    const callback = (wanted) => `pm.test("later", (done) => {
        pm.sendRequest(pm.variables.replaceIn("{{base}}/y"), (error, answer) => {
            try { pm.expect(answer.json().url).to.equal("${wanted}"); done(); } catch (problem) { done(problem); }
        });
    });`;
    await passes([request("right", {}, callback("/y"))]);
    await fails([request("wrong", {}, callback("/z"))], /expected '\/y' to equal '\/z'/);
    await passes([request("right", {}, source("/y"))]);
    await fails([request("wrong", {}, source("/z"))], /expected '\/y' to equal '\/z'/);
});

test("a failed assertion, a script error and an unreachable server each fail the run", async () => {
    await fails([request("a", {}, "pm.test('t', () => pm.response.to.have.status(201));")], /expected response to have status 201 but got 200/);
    await fails([request("a", {}, "pm.test('t', () => {}); undefinedFunction();")], /undefinedFunction is not defined/);
    await fails([request("a", { url: "http://127.0.0.1:1/" }, "pm.test('t', () => {});")], /ECONNREFUSED/);
    await fails([request("a", {}, "")], /no assertion was made/);
});

test("what is not supported is an error, never ignored", async () => {
    await fails([request("a", {}, "pm.cookies.get('x');")], /not supported.*pm\.cookies/);
    await fails([request("a", {}, "pm.test('t', () => pm.expect([]).to.be.sorted);")], /not supported.*sorted/);
    await fails([request("a", { url: "{{base}}/{{nothing}}" }, "pm.test('t', () => {});")], /\{\{nothing\}\} has no value/);
    await fails([request("a", { auth: { type: "oauth2" } }, "pm.test('t', () => {});")], /not supported.*oauth2/);
    await fails([{ name: "a", request: { url: "{{base}}/", proxy: {} } }], /not supported.*proxy/, 2);
});

test("runs only the folders that were asked for", async () => {
    const items = [
        { name: "one", item: [request("a", {}, "pm.test('of one', () => {});")] },
        { name: "two", item: [request("b", {}, "pm.test('of two', () => {});")] },
    ];
    const output = await passes(items, { options: ["--folder", "two"] });
    assert.match(output, /of two/);
    assert.doesNotMatch(output, /of one/);
    await fails(items, /no folder "three"/, 2, { options: ["--folder", "three"] });
});

test("skips a request whose pre-request script says so", async () => {
    const output = await passes([request("a", {}, "throw new Error('ran');", "pm.execution.skipRequest();"), request("b", {}, "pm.test('t', () => {});")]);
    assert.match(output, /1 requests skipped/);
});

test("never prints a token", async () => {
    const items = [request("a", { auth: { type: "bearer", bearer: [{ key: "token", value: "{{secret}}" }] }, url: "{{base}}/missing" }, "pm.test('t', () => pm.response.to.have.status(200));")];
    const { output } = await run(items, { options: ["--verbose"] });
    assert.match(output, /> Authorization: …/);
    assert.doesNotMatch(output.split("\n").filter((line) => line.includes("> ")).join("\n"), /t0ken/);
});

test("expect holds what chai holds", () => {
    const holding = [
        () => expect([1, 2]).to.have.members([2, 1]),
        () => expect({ a: 1, b: 2 }).to.have.all.keys("a", "b"),
        () => expect({ a: 1, b: 2 }).to.include.keys("a"),
        () => expect({ a: { b: [1] } }).to.deep.include({ a: { b: [1] } }),
        () => expect({ a: 1 }).to.have.property("a").that.is.a("number").and.is.above(0),
        () => expect("abc").to.be.a("string").that.is.not.empty,
        () => expect([1, 2, 3]).to.have.length.above(2),
        () => expect([]).to.be.an("array").that.does.not.include(1),
        () => expect(1).to.be.oneOf([1, 2]),
        () => expect(null).to.be.null,
        () => expect(0).to.not.be.ok,
        () => expect(0.1 + 0.2).to.be.closeTo(0.3, 1e-9),
    ];
    const failing = [
        () => expect([1, 2]).to.have.members([1]),
        () => expect({ a: 1, b: 2 }).to.have.all.keys("a"),
        () => expect({ a: 1 }).to.not.have.property("a"),
        () => expect("abc").to.be.empty,
        () => expect("abc").to.be.an("array"),
        () => expect([1]).to.have.lengthOf(2),
        () => expect({ a: { b: 1 } }).to.include({ a: { b: 1 } }),
        () => expect("1").to.equal(1),
        () => expect(undefined).to.exist,
        () => expect("a").to.be.above(0),
    ];
    holding.forEach((check) => assert.doesNotThrow(check, check.toString()));
    failing.forEach((check) => assert.throws(check, { name: "AssertionError" }, check.toString()));
});
