import Wire

/// What gRPC asks of a gateway besides HTTP/2 (github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
extension Exchange {
    /// `application/grpc`, alone or with a suffix or parameters ("+proto", "-web").
    var isGRPC: Bool {
        request.headers.withValue(of: "content-type") { value in
            value.count >= 16 && FieldRules.equalsIgnoringCase(value.extracting(0..<16), "application/grpc")
        } ?? false
    }

    /// `grpc-timeout` in nanoseconds: up to eight digits and a unit. Nil when there is none, or it is not one.
    func grpcTimeout() -> UInt64? {
        guard let index = request.headers.firstIndex(of: "grpc-timeout"), isGRPC else { return nil }
        return request.headers.withValue(at: index) { value in
            guard (2...9).contains(value.count) else { return nil }
            var number: UInt64 = 0
            for place in 0..<value.count - 1 {
                guard (48...57).contains(value[place]) else { return nil }
                number = number * 10 + UInt64(value[place] - 48)
            }
            let unit: UInt64
            switch value[value.count - 1] {
            case UInt8(ascii: "H"): unit = 3_600_000_000_000
            case UInt8(ascii: "M"): unit = 60_000_000_000
            case UInt8(ascii: "S"): unit = 1_000_000_000
            case UInt8(ascii: "m"): unit = 1_000_000
            case UInt8(ascii: "u"): unit = 1_000
            case UInt8(ascii: "n"): unit = 1
            default: return nil
            }
            return min(number, 1_000_000) * unit
        }
    }

    /// A client of gRPC reads `grpc-status` and not the status: 200 with nothing but fields ("Trailers-Only").
    func refuseGRPC(_ problem: GatewayProblem) {
        response.reset()
        response.status = 200
        response.headers.append("content-type", "application/grpc")
        response.headers.append("grpc-status", GRPCStatus.code(for: problem.status))
        response.headers.append("grpc-message", GRPCStatus.message(problem.detail))
        response.headers.append("proxy-status", problem.proxyStatus)
        if let challenge = problem.challenge { response.headers.append("www-authenticate", text: challenge) }
        if let seconds = problem.retryAfterSeconds { response.headers.append("retry-after", UInt64(seconds)) }
        respond(body: [], problem.outcome)
    }
}

/// The codes of gRPC (github.com/grpc/grpc/blob/master/doc/statuscodes.md).
enum GRPCStatus {
    /// As doc/http-grpc-status-mapping.md has it, and where it has only UNKNOWN, what the status says.
    static func code(for status: UInt16) -> UInt64 {
        switch status {
        case 400: 13  // INTERNAL
        case 401: 16  // UNAUTHENTICATED
        case 403: 7  // PERMISSION_DENIED
        case 404, 501: 12  // UNIMPLEMENTED
        case 408, 504: 4  // DEADLINE_EXCEEDED
        case 413, 431: 8  // RESOURCE_EXHAUSTED
        case 429, 502, 503: 14  // UNAVAILABLE
        default: 2  // UNKNOWN
        }
    }

    /// Percent-encoded: what is not printable ASCII, and "%".
    static func message(_ text: StaticString) -> [UInt8] {
        var message: [UInt8] = []
        text.withUTF8Buffer { text in
            for byte in text {
                if (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%") {
                    message.append(byte)
                } else {
                    let digits = Array("0123456789ABCDEF".utf8)
                    message += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
        }
        return message
    }
}
