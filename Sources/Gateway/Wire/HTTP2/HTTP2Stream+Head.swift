/// How the fields of a HEADERS frame become a head.
extension HTTP2Stream {
    final func addRequestField(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: HTTP2SessionSettings) {
        guard fits(request.headers, name, value, settings) else { return }
        if name.count == 4 && FieldRules.equalsIgnoringCase(name, "host") { return addHost(value) }
        if !Self.add(name, value, to: &request) { isHeadMalformed = true }
    }

    /// One access to the head for a field.
    private static func add(_ name: Span<UInt8>, _ value: Span<UInt8>, to request: inout RequestHead) -> Bool {
        guard name[0] == UInt8(ascii: ":") else {
            request.headers.append(checkedName: name, value: value)
            return true
        }
        switch (name.count, name[1]) {
        case (7, UInt8(ascii: "m")): request.setMethod(value)
        case (5, UInt8(ascii: "p")): request.setTarget(value)
        case (7, UInt8(ascii: "s")): request.setScheme(value)
        case (10, UInt8(ascii: "a")): request.setAuthority(value)
        case (9, UInt8(ascii: "p")): request.setProtocol(value)
        default: return false
        }
        return true
    }

    final func addResponseField(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: HTTP2SessionSettings) {
        guard fits(response.headers, name, value, settings) else { return }
        guard name[0] == UInt8(ascii: ":") else {
            response.headers.append(checkedName: name, value: value)
            return
        }
        var status: UInt16 = 0
        for index in value.indices { status = status &* 10 &+ UInt16(value[index] &- 48) }
        response.status = status
    }

    /// Fields that may change framing, routing or rights are dropped, as RFC 9110 §6.5.1 allows.
    final func addTrailer(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: HTTP2SessionSettings) {
        guard fits(trailers, name, value, settings), name[0] != UInt8(ascii: ":"),
            !FieldRules.isForbiddenInTrailer(name)
        else { return }
        trailers.append(checkedName: name, value: value)
    }

    final func completeRequest(endStream: Bool) {
        request.version = .http2
        let isWeb = request.withScheme { scheme in
            ByteScan.equalIgnoringCase(scheme, "https") || ByteScan.equalIgnoringCase(scheme, "http")
        }
        if !isWeb && !isPlainConnect { isHeadMalformed = true }
        request.keepAlive = true
        request.framing = framing(of: request.headers, endStream: endStream)
        if let index = request.headers.firstIndex(of: "expect") {
            request.expectsContinue = request.headers.valueEqualsIgnoringCase(at: index, "100-continue")
            hasUnknownExpectation = !request.expectsContinue
        }
        joinCookies()
    }

    /// CONNECT without `:protocol` has neither scheme nor path (RFC 9113 §8.5).
    private var isPlainConnect: Bool { request.methodIs("CONNECT") && request.withProtocol { $0.isEmpty } }

    final func completeResponse(endStream: Bool) {
        response.version = .http2
        response.keepAlive = true
        response.framing = framing(of: response.headers, endStream: endStream)
    }

    /// RFC 9113 §8.3.1: a `host` field must not differ from `:authority`.
    private func addHost(_ value: Span<UInt8>) {
        let isEmpty = request.withAuthority { $0.isEmpty }
        if isEmpty { return request.setAuthority(value) }
        let agrees = request.withAuthority { authority in
            guard authority.count == value.count else { return false }
            for index in value.indices where lowercased(authority[index]) != lowercased(value[index]) { return false }
            return true
        }
        if !agrees { isHeadMalformed = true }
    }

    private func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }

    private func fits(
        _ block: borrowing HeaderBlock, _ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: HTTP2SessionSettings
    ) -> Bool {
        if block.byteCount + name.count + value.count + 32 > settings.headerBytes
            || block.count >= settings.headerFields
        {
            isHeadTooLarge = true
        }
        return !isHeadTooLarge
    }

    /// nghttp2 has checked that a content-length is one number and agrees with the DATA frames (RFC 9113 §8.1.1).
    private func framing(of headers: borrowing HeaderBlock, endStream: Bool) -> BodyFraming {
        if endStream { return .none }
        let length = headers.withValue(of: "content-length") { value in
            var length: UInt64 = 0
            for index in value.indices { length = length &* 10 &+ UInt64(value[index] &- 48) }
            return length
        }
        return length.map { .length($0) } ?? .chunked
    }

    /// RFC 9113 §8.2.3: cookie fields that were split for HPACK are one field again for whoever is behind.
    private func joinCookies() {
        guard request.headers.count(of: "cookie") > 1 else { return }
        var joined: [UInt8] = []
        for index in request.headers.indices where !request.headers.isRemoved(at: index) {
            guard request.headers.nameEquals(at: index, "cookie") else { continue }
            if !joined.isEmpty { joined.append(contentsOf: [UInt8(ascii: ";"), UInt8(ascii: " ")]) }
            request.headers.withValue(at: index) { value in
                value.withUnsafeBufferPointer { joined.append(contentsOf: $0) }
            }
        }
        request.headers.set("cookie", joined)
    }
}
