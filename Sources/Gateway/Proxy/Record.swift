import Policy
import Reactor
import Routing
import Wire

/// Phase 9: the request is over: counters, and its line in the access log.
extension Exchange {
    /// The most that is logged of a `User-Agent`.
    private static let userAgentBytes = 256

    /// Nothing is called on the exchange afterwards; its number is never used again.
    func finish(_ outcome: Outcome) {
        guard !isOver else { return }
        phase = .over
        self.outcome = outcome
        if isMirror {
            worker.counters.mirrorsEnded.add()
        } else {
            let record = rule.map { configuration.record(of: $0, worker.counters) }
            count(record)
            if worker.isLogging { writeLogLine(record) }
        }
        dropRequestBody()
        worker.release(self)
    }

    private func count(_ record: RuleRecord?) {
        let status = responseHasStarted ? response.status : 0
        let microseconds = (worker.loop.now - startedAt) / 1000
        worker.counters.requestsOpen.subtract()
        worker.counters.finished(outcome, status: status)
        guard let record else { return }
        record.finished(outcome, status: status, microseconds: microseconds)
        guard let pool, upstreamAt > 0 else { return }
        let waited = responseAt > upstreamAt ? (responseAt - upstreamAt) / 1000 : microseconds
        let isTheirs = outcome == .forwarded || outcome == .responseTruncated
        pool.finished(outcome, status: isTheirs ? status : 0, microseconds: waited)
    }

    // MARK: - The line

    private func writeLogLine(_ record: RuleRecord?) {
        let clientText = forwardedClient.flatMap { connection?.logText(of: $0) } ?? connection?.logText ?? []
        let logged = rule?.policies == nil ? [] : record?.loggedHeaders ?? []
        let pool = pool
        let userAgent = request.headers.firstIndex(of: "user-agent")
        let subject = token?.subject
        var size = requestID.count + (subject?.utf8.count ?? 0) + Self.userAgentBytes
        request.withMethod { size += $0.count }
        request.withClientAuthority { size += $0.count }
        request.withClientPath { size += $0.count }
        // Six bytes for one that needs escaping; the literals and numbers below are less than a thousand.
        let texts = clientText.count + (record?.logText.count ?? 0) + (pool?.logText.count ?? 0)
        let fields = logged.reduce(0) { $0 + $1.text.count + 6 * RuleRecord.loggedBytes + 32 }
        let bound = 6 * size + texts + fields + 1024
        let outcomeText = outcome.rawValue
        let requestID = requestID
        worker.log(reserving: bound) { line, clock in
            line.append(literal: "{\"time\":\"")
            clock.write(worker.loop.wallMilliseconds, into: &line)
            // Letters, digits, ".", "_" and "-" only.
            line.append(literal: "\",\"request_id\":\"")
            line.append(bytes: requestID)
            line.append(UInt8(ascii: "\""))
            appendTrace(to: &line)
            line.append(literal: ",\"method\":")
            request.withMethod { line.append(jsonString: $0) }
            line.append(literal: ",\"host\":")
            request.withClientAuthority { line.append(jsonString: $0) }
            line.append(literal: ",\"path\":")
            request.withClientPath { line.append(jsonString: $0) }
            line.append(literal: ",\"status\":")
            line.append(decimal: responseHasStarted ? UInt64(response.status) : 0)
            line.append(literal: ",\"outcome\":\"")
            line.append(bytes: outcomeText.utf8.span)
            line.append(UInt8(ascii: "\""))
            appendTimes(to: &line)
            if let record { line.append(bytes: record.logText) }
            if attempts > 0 {
                if let pool { line.append(bytes: pool.logText) }
                line.append(literal: ",\"attempts\":")
                line.append(decimal: UInt64(attempts))
                line.append(literal: ",\"retries\":")
                line.append(decimal: UInt64(max(0, attempts - 1)))
            }
            line.append(literal: ",\"request_bytes\":")
            line.append(decimal: requestBytes)
            line.append(literal: ",\"response_bytes\":")
            line.append(decimal: responseBytes)
            if let subject {
                line.append(literal: token?.isConsumer == true ? ",\"consumer\":" : ",\"subject\":")
                line.append(jsonString: subject.utf8.span)
            }
            appendVersion(to: &line)
            line.append(bytes: clientText.span)
            if let userAgent {
                line.append(literal: ",\"user_agent\":")
                request.headers.withValue(at: userAgent) { value in
                    line.append(jsonString: value.extracting(first: Self.userAgentBytes))
                }
            }
            if !logged.isEmpty { append(logged, to: &line) }
            line.append(literal: "}\n")
        }
    }

    private func appendTrace(to line: inout ByteWriter) {
        guard trace.isKnown else { return }
        line.append(literal: ",\"trace_id\":\"")
        line.append(hexadecimal: trace.high)
        line.append(hexadecimal: trace.low)
        line.append(UInt8(ascii: "\""))
    }

    /// Microseconds of the whole request and of its parts; of several attempts, those of the last.
    ///
    /// - prepare: until it was ready for a backend (the token is verified, earlier attempts are over);
    /// - queue: until a connection was chosen; connect: until that was open; upstream: from the first of these to the head
    ///   of the response.
    private func appendTimes(to line: inout ByteWriter) {
        line.append(literal: ",\"duration_us\":")
        line.append(decimal: (worker.loop.now - startedAt) / 1000)
        guard upstreamAt > 0 else { return }
        line.append(literal: ",\"prepare_us\":")
        line.append(decimal: (upstreamAt - startedAt) / 1000)
        if assignedAt >= upstreamAt {
            line.append(literal: ",\"queue_us\":")
            line.append(decimal: (assignedAt - upstreamAt) / 1000)
            if connectedAt >= assignedAt {
                line.append(literal: ",\"connect_us\":")
                line.append(decimal: (connectedAt - assignedAt) / 1000)
            }
        }
        if responseAt > upstreamAt {
            line.append(literal: ",\"upstream_us\":")
            line.append(decimal: (responseAt - upstreamAt) / 1000)
        }
    }

    private func appendVersion(to line: inout ByteWriter) {
        switch request.version {
        case .http10: line.append(literal: ",\"http\":\"1.0\"")
        case .http11: line.append(literal: ",\"http\":\"1.1\"")
        case .http2: line.append(literal: ",\"http\":\"2\"")
        }
    }
}
