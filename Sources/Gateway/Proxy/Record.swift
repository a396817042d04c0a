import Policy
import Reactor
import Routing
import Wire

/// Phase 9: the request is over: counters, and its line in the access log.
extension Exchange {
    /// Nothing is called on the exchange afterwards; its number is never used again.
    func finish(_ outcome: Outcome) {
        guard !isOver else { return }
        phase = .over
        self.outcome = outcome
        worker.counters.requestsOpen.subtract()
        worker.counters.finished(outcome, status: responseHasStarted ? response.status : 0)
        writeLogLine()
        dropRequestBody()
        worker.release(self)
    }

    private func writeLogLine() {
        let loop = worker.loop
        let duration = (loop.now - startedAt) / 1000
        worker.log { line in
            line.append(literal: "{\"time\":\"")
            line.append(timestamp: loop.wallMilliseconds)
            line.append(literal: "\",\"request_id\":")
            line.append(jsonString: requestID)
            line.append(literal: ",\"method\":")
            request.withMethod { line.append(jsonString: $0) }
            line.append(literal: ",\"host\":")
            request.withAuthority { line.append(jsonString: $0) }
            line.append(literal: ",\"path\":")
            request.withPath { line.append(jsonString: $0) }
            line.append(literal: ",\"status\":")
            line.append(decimal: responseHasStarted ? UInt64(response.status) : 0)
            line.append(literal: ",\"outcome\":\"")
            line.append(contentsOf: outcome.rawValue.utf8)
            line.append(literal: "\",\"duration_us\":")
            line.append(decimal: duration)
            appendBackend(to: &line)
            line.append(literal: ",\"request_bytes\":")
            line.append(decimal: requestBytes)
            line.append(literal: ",\"response_bytes\":")
            line.append(decimal: responseBytes)
            appendClient(to: &line)
            line.append(literal: "}\n")
        }
    }

    private func appendBackend(to line: inout [UInt8]) {
        if let rule {
            line.append(literal: ",\"route\":")
            line.append(jsonString: rule.routeName)
            line.append(literal: ",\"rule\":")
            line.append(jsonString: rule.ruleName)
        }
        if let pool {
            line.append(literal: ",\"backend\":")
            line.append(jsonString: pool.backendName)
            line.append(literal: ",\"endpoint\":\"")
            line.append(contentsOf: pool.endpointText)
            line.append(literal: "\",\"attempts\":")
            line.append(decimal: UInt64(attempts))
        }
        if upstreamAt > 0 && responseAt > upstreamAt {
            line.append(literal: ",\"upstream_us\":")
            line.append(decimal: (responseAt - upstreamAt) / 1000)
        }
    }

    private func appendClient(to line: inout [UInt8]) {
        if let token {
            line.append(literal: ",\"subject\":")
            line.append(jsonString: token.subject)
        }
        line.append(literal: ",\"http\":\"")
        switch request.version {
        case .http10: line.append(literal: "1.0")
        case .http11: line.append(literal: "1.1")
        case .http2: line.append(literal: "2")
        }
        line.append(literal: "\"")
        guard let connection = downstream?.connection else { return }
        line.append(literal: ",\"client\":\"")
        line.append(contentsOf: connection.peerText)
        line.append(literal: "\"")
        if let version = connection.tlsVersion {
            line.append(literal: ",\"tls\":")
            line.append(jsonString: version)
        }
    }
}
