// Runs a Postman collection (format v2.1) where newman is not installed. Node 18 or later, no packages.
//
//   node postman-runner.mjs COLLECTION --environment FILE [--folder NAME…] [--timeout-request MS] [--verbose]
//
// It does what our collection uses: variables, inherited auth and scripts, folders, raw and urlencoded bodies, and the
// part of Postman's `pm` that sandbox.mjs lists. Whatever a collection asks for beyond that ends the run with an error:
// a test that is silently not run looks like one that passed. Redirects are never followed and cookies never kept.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { flatten } from "./postman/collection.mjs";
import { Exchange } from "./postman/exchange.mjs";
import { Report } from "./postman/report.mjs";
import { runScripts } from "./postman/sandbox.mjs";
import { Variables } from "./postman/variables.mjs";

function readArguments() {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: {
            environment: { type: "string" },
            folder: { type: "string", multiple: true, default: [] },
            "timeout-request": { type: "string", default: "15000" },
            verbose: { type: "boolean", default: false },
        },
    });
    if (positionals.length !== 1) throw new Error("one collection file is expected");
    return { ...values, collection: positionals[0], timeout: Number(values["timeout-request"]) };
}

async function run(options) {
    const collection = JSON.parse(readFileSync(options.collection, "utf8"));
    const environment = options.environment ? JSON.parse(readFileSync(options.environment, "utf8")) : { values: [] };
    const variables = new Variables(collection.variable ?? [], environment.values);
    const items = flatten(collection, options.folder);
    const report = new Report(collection.info.name, options.verbose);
    const exchange = new Exchange(options.timeout);
    report.begin();
    for (const item of items) {
        variables.beginRequest();
        report.request(item);
        const state = { item, variables, report, exchange, request: exchange.draft(item), response: null };
        try {
            await runScripts("prerequest", state);
            if (state.skipped) {
                report.skipped();
                continue;
            }
            state.sent = exchange.resolve(state.request, variables);
            state.response = await exchange.send(state.sent);
            report.response(state.sent, state.response);
            await runScripts("test", state);
        } catch (error) {
            report.failure(error, state);
        }
    }
    exchange.close();
    return report.end();
}

try {
    process.exitCode = (await run(readArguments())) ? 0 : 1;
} catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 2;
}
