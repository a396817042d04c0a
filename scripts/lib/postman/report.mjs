// What newman prints, near enough to read the same way: each request, its tests, a table, the failures.

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const green = (text) => paint(32, text);
const red = (text) => paint(31, text);
const dim = (text) => paint(2, text);

export class Report {
    constructor(name, verbose) {
        this.name = name;
        this.verbose = verbose;
        this.path = [];
        this.failures = [];
        this.counts = { requests: [0, 0], scripts: [0, 0], assertions: [0, 0] };
        this.skippedRequests = 0;
        this.times = [];
        this.receivedBytes = 0;
    }

    begin() {
        this.started = performance.now();
        console.log(`${this.name}\n`);
    }

    request(item) {
        this.item = item;
        const shared = item.path.findIndex((folder, i) => folder !== this.path[i]);
        const from = shared < 0 ? item.path.length : shared;
        item.path.slice(from).forEach((folder, i) => console.log(`${"  ".repeat(from + i)}❏ ${folder}`));
        this.path = item.path;
        this.indent = "  ".repeat(item.path.length);
        console.log(`${this.indent}↳ ${item.name}`);
    }

    response(sent, response) {
        this.counts.requests[0] += 1;
        this.times.push(response.milliseconds);
        this.receivedBytes += response.bytes.length;
        const size = `${response.bytes.length} B, ${response.milliseconds.toFixed(0)} ms`;
        console.log(dim(`${this.indent}  ${sent.method} ${sent.url} [${response.code} ${response.status}, ${size}]`));
        this.last = { sent, response };
    }

    skipped() {
        this.skippedRequests += 1;
        console.log(dim(`${this.indent}  skipped by its pre-request script`));
    }

    script() {
        this.counts.scripts[0] += 1;
    }

    console(values) {
        console.log(dim(`${this.indent}  │ ${values.join(" ")}`));
    }

    assertion(name, error) {
        this.counts.assertions[0] += 1;
        if (!error) {
            console.log(`${this.indent}  ${green("✓")} ${name}`);
            return;
        }
        this.counts.assertions[1] += 1;
        this.note(name, error);
    }

    /** A script that ended with an error, or a request without an answer. */
    failure(error, state) {
        if (state.sent && !state.response) {
            this.counts.requests[0] += 1;
            this.counts.requests[1] += 1;
            this.note("request", error);
        } else {
            this.counts.scripts[1] += 1;
            this.note("script", error);
        }
    }

    note(name, error) {
        this.failures.push({ path: [...this.item.path, this.item.name].join(" / "), name, error });
        console.log(`${this.indent}  ${red(`${this.failures.length}. ${name}`)}: ${error.message}`);
        if (this.verbose && this.last) this.show(this.last);
    }

    show({ sent, response }) {
        const secret = /^(authorization|cookie)$/i;
        const head = sent.headers.map(([key, value]) => `> ${key}: ${secret.test(key) ? "…" : value}`);
        const answer = response.headers.map(({ key, value }) => `< ${key}: ${value}`);
        const text = response.bytes.toString().slice(0, 2000);
        const lines = [`> ${sent.method} ${sent.url}`, ...head, `< ${response.code}`, ...answer, ...text.split("\n")];
        lines.forEach((line) => console.log(dim(`${this.indent}    ${line}`)));
    }

    /** Prints the table and the failures; returns whether everything passed. */
    end() {
        const seconds = (performance.now() - this.started) / 1000;
        const sorted = [...this.times].sort((a, b) => a - b);
        const average = this.times.reduce((sum, time) => sum + time, 0) / Math.max(this.times.length, 1);
        console.log(`\n${"".padEnd(14)}${"executed".padStart(10)}${"failed".padStart(10)}`);
        for (const [name, [executed, failed]] of Object.entries(this.counts)) {
            console.log(`${name.padEnd(14)}${String(executed).padStart(10)}${String(failed).padStart(10)}`);
        }
        if (this.skippedRequests > 0) console.log(`${this.skippedRequests} requests skipped`);
        console.log(`total ${seconds.toFixed(1)} s, ${(this.receivedBytes / 1024).toFixed(0)} KiB received, response time`
            + ` average ${average.toFixed(0)} ms, largest ${(sorted.at(-1) ?? 0).toFixed(0)} ms`);
        this.failures.forEach(({ path, name, error }, i) => {
            console.log(red(`\n${i + 1}. ${name}`) + `\n   at ${path}\n   ${error.name}: ${error.message}`);
        });
        if (this.counts.assertions[0] === 0) console.log(red("no assertion was made"));
        return this.failures.length === 0 && this.counts.assertions[0] > 0;
    }
}
