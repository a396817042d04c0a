extension AdminPage {
    /// Colours hold a contrast of at least 4.5 to their background (WCAG 2.2 §1.4.3), in both schemes. Below 760 pixels
    /// each line of a table becomes a card.
    static let style = """
        :root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--quiet:#57606a;--line:#d5dae0;--head:#f4f6f8;--good:#116329;
        --bad:#b3122b;--badbg:#ffebe9;--warn:#8a4600}
        @media(prefers-color-scheme:dark){:root{--bg:#0f1216;--fg:#e6e9ed;--quiet:#9aa4af;--line:#2c333b;--head:#181d23;
        --good:#56d364;--bad:#ff8a80;--badbg:#3a1518;--warn:#e3b341}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:1400px;padding:16px;background:var(--bg);color:var(--fg);
        font:15px/1.45 system-ui,sans-serif}
        header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline}
        h1{font-size:20px;margin:0}h2{font-size:16px;margin:28px 0 8px}p{margin:0}
        .quiet,.tiles span,footer{color:var(--quiet)}
        .state{font-weight:700;padding:1px 10px;border-radius:12px;border:2px solid}
        .good,.healthy{color:var(--good)}.bad,.unhealthy,.failing{color:var(--bad);font-weight:700}
        .ejected{color:var(--warn);font-weight:700}
        .problems{background:var(--badbg);color:var(--bad);border-left:6px solid var(--bad);margin:14px 0 0;
        padding:10px 14px 10px 30px;overflow-wrap:anywhere}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));gap:8px;margin-top:16px}
        .tiles div{border:1px solid var(--line);border-radius:8px;padding:8px 12px}
        .tiles b{display:block;font-size:20px;white-space:nowrap;font-variant-numeric:tabular-nums}
        .outcomes{display:flex;flex-wrap:wrap;gap:2px 20px;list-style:none;margin:12px 0 0;padding:0;color:var(--quiet)}
        .outcomes b{color:var(--fg);font-weight:600}.outcomes .hot b{color:var(--bad)}
        table{border-collapse:collapse;width:100%}
        th{background:var(--head);text-align:left;font-size:13px}
        th,td{border-bottom:1px solid var(--line);padding:5px 8px;vertical-align:top;overflow-wrap:anywhere}
        th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        code{font:13px ui-monospace,monospace}td code{display:block}
        .hot{color:var(--bad);font-weight:700}.zero{color:var(--quiet)}
        footer{margin:28px 0 8px;display:flex;flex-wrap:wrap;gap:4px 16px}a{color:inherit}
        @media(max-width:760px){thead{display:none}
        tr{display:grid;grid-template-columns:1fr 1fr;border:1px solid var(--line);border-radius:8px;margin-bottom:10px;
        padding:6px 10px}
        td,td.n{display:grid;grid-template-columns:84px 1fr;border:0;padding:2px 0;text-align:left;grid-column:1/-1;
        white-space:normal}
        td.n{grid-column:auto}
        td::before{content:attr(data-l);color:var(--quiet);font-size:13px}
        .tiles{grid-template-columns:repeat(auto-fit,minmax(104px,1fr))}}
        """

    /// Asks `/live` every second and writes the differences over ten. What it cannot ask it says.
    static let script = """
        (() => {
        const every = 1000, by = (kind) => { const found = new Map();
          for (const row of document.querySelectorAll(`tr[data-${kind}]`)) {
            const cells = {}; for (const cell of row.querySelectorAll('[data-f]')) cells[cell.dataset.f] = cell;
            found.set(row.dataset[kind], cells); }
          return found; };
        const rules = by('rule'), endpoints = by('endpoint'), listeners = by('listener');
        const $ = (id) => document.getElementById(id);
        const sum = (list) => list.reduce((a, b) => a + b, 0);
        const rate = (n) => n === 0 ? '0' : n < 10 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
        const percent = (part, all) => all === 0 ? '–' : part === 0 ? '0 %' : (100 * part / all).toFixed(1) + ' %';
        const put = (cell, text, hot) => { if (!cell) return; cell.textContent = text;
          cell.classList.toggle('hot', !!hot); cell.classList.toggle('zero', text === '0' || text === '–'); };
        const quantile = (counts, bounds, share) => { const all = sum(counts); if (all === 0) return '–';
          let seen = 0; for (let i = 0; i < counts.length; i++) { seen += counts[i];
            if (seen >= share * all) return i < bounds.length ? '≤ ' + time(bounds[i]) : '> ' + time(bounds.at(-1)); }
          return '–'; };
        const time = (ms) => ms < 1000 ? ms + ' ms' : ms / 1000 + ' s';
        const minus = (now, was) => now.map((n, i) => n - (was ? was[i] : 0));
        let looks = [], heard = 0;
        const span = 10;
        const show = (now) => {
          const before = looks.at(-1), last = looks[0];
          if (String(now.configuredAt) !== $('configured').dataset.at || (before && (now.refused !== before.refused
              || now.phase !== before.phase || now.endpoints.length !== before.endpoints.length))) { location.reload(); return; }
          const seconds = last ? now.time - last.time : 0;
          $('open').textContent = now.requestsOpen; $('connections').textContent = now.connectionsOpen;
          $('memory').textContent = Math.round(now.residentBytes / 1048576) + ' MB';
          let lengths = new Array(now.durationBounds.length + 1).fill(0);
          for (const [key, rule] of Object.entries(now.rules)) {
            const cells = rules.get(key); const was = last && last.rules[key];
            if (cells) put(cells.total, sum(rule.classes).toLocaleString('en'));
            if (!last) continue;
            const classes = minus(rule.classes, was && was.classes), took = minus(rule.durations, was && was.durations);
            lengths = lengths.map((n, i) => n + took[i]);
            if (!cells) continue;
            const count = sum(classes);
            put(cells.rate, rate(count / seconds)); put(cells.c4, percent(classes[4], count));
            put(cells.c5, percent(classes[5], count), classes[5] > 0);
            put(cells.p50, quantile(took, now.durationBounds, .5)); put(cells.p99, quantile(took, now.durationBounds, .99));
          }
          if (last) { const all = minus(now.responses, last.responses), count = sum(all);
            $('rate').textContent = rate(count / seconds); put($('errors'), percent(all[5], count), all[5] > 0);
            $('p50').textContent = quantile(lengths, now.durationBounds, .5);
            $('p99').textContent = quantile(lengths, now.durationBounds, .99); }
          $('outcomes').replaceChildren(...Object.entries(now.outcomes).sort().map(([name, total]) => {
            const item = document.createElement('li'), figure = document.createElement('b');
            const fresh = last ? total - (last.outcomes[name] || 0) : 0;
            figure.textContent = total.toLocaleString('en');
            item.append(name + ' ', figure, fresh > 0 ? `, ${rate(fresh / seconds)}/s now` : '');
            item.className = fresh > 0 ? 'hot' : ''; return item; }));
          for (const e of now.endpoints) { const key = e.backend + ' ' + e.endpoint, cells = endpoints.get(key);
            if (!cells) continue; const was = last && last.endpoints.find((o) => o.backend + ' ' + o.endpoint === key);
            const failed = sum(Object.values(e.failures)), earlier = was ? sum(Object.values(was.failures)) : failed;
            if (was) put(cells.rate, rate((e.requests - was.requests) / seconds));
            put(cells.active, String(e.requestsActive)); put(cells.pending, String(e.requestsPending), e.requestsPending > 0);
            put(cells.failures, String(failed), failed > earlier); put(cells.connections, String(e.connectionsOpen));
            put(cells.total, e.requests.toLocaleString('en'));
            const tries = was ? e.requests - was.requests : 0, fails = failed - earlier > tries / 2;
            const state = e.state === 'healthy' && fails ? 'failing' : e.state;
            cells.state.textContent = state; cells.state.className = state; }
          for (const [name, open] of Object.entries(now.listeners)) put((listeners.get(name) || {}).open, String(open));
          looks.push(now); if (looks.length > span) looks.shift(); };
        const ask = async () => {
          try { const answer = await fetch('/live', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
            if (!answer.ok) throw new Error(answer.status); show(await answer.json());
            heard = Date.now(); $('age').textContent = 'live'; $('age').className = '';
          } catch { $('age').className = 'bad'; $('age').textContent = heard
              ? `no answer for ${Math.round((Date.now() - heard) / 1000)} s: the figures are old` : 'no answer'; }
          setTimeout(ask, every); };
        ask();
        })();
        """
}
