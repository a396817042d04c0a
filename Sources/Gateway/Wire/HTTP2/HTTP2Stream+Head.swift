/// How the fields of a field block become a head.
extension HTTP2Stream {
    /// - Returns: false when the message is malformed (RFC 9113 §8.1.1).
    final func takeRequestField(_ bytes: Span<UInt8>, _ field: HPACKField, _ settings: HTTP2SessionSettings) -> Bool {
        let use = rules.useInRequest(field.name, bytes, field.nameCount)
        if use == .malformed { return false }
        guard fits(request.headers, bytes.count, settings) else { return true }
        switch use {
        case .control(let name): setControl(name, bytes.extracting(field.nameCount...))
        case .host: addHost(bytes.extracting(field.nameCount...))
        case .field, .cookie: request.headers.append(bytes, field)
        case .expect:
            let value = bytes.extracting(field.nameCount...)
            if !request.expectsContinue && !hasUnknownExpectation {
                request.expectsContinue = FieldRules.equalsIgnoringCase(value, "100-continue")
                hasUnknownExpectation = !request.expectsContinue
            }
            request.headers.append(bytes, field)
        case .dropped, .malformed: break
        }
        return true
    }

    private func setControl(_ name: HPACKName, _ value: Span<UInt8>) {
        switch name {
        case .method: request.setMethod(value)
        case .path: request.setTarget(value)
        case .scheme: request.setScheme(value)
        case .authority: request.setAuthority(value)
        default: request.setProtocol(value)
        }
    }

    final func takeResponseField(_ bytes: Span<UInt8>, _ field: HPACKField, _ settings: HTTP2SessionSettings) -> Bool {
        switch rules.useInResponse(field.name, bytes, field.nameCount) {
        case .malformed: return false
        case .control, .dropped: return true
        default: break
        }
        if fits(response.headers, bytes.count, settings) { response.headers.append(bytes, field) }
        return true
    }

    final func takeTrailer(_ bytes: Span<UInt8>, _ field: HPACKField, _ settings: HTTP2SessionSettings) -> Bool {
        let use = HeadRules.useInTrailers(field.name, bytes, field.nameCount)
        if use == .field && fits(trailers, bytes.count, settings) { trailers.append(bytes, field) }
        return use != .malformed
    }

    final func completeRequest(endStream: Bool) {
        request.version = .http2
        let isWeb = request.withScheme { scheme in
            ByteScan.equalIgnoringCase(scheme, "https") || ByteScan.equalIgnoringCase(scheme, "http")
        }
        if !isWeb && !isPlainConnect { isHeadMalformed = true }
        request.keepAlive = true
        request.framing = framing(endStream: endStream)
        if rules.cookies > 1 { joinCookies() }
    }

    /// CONNECT without `:protocol` has neither scheme nor path (RFC 9113 §8.5).
    private var isPlainConnect: Bool { request.methodIs("CONNECT") && request.withProtocol { $0.isEmpty } }

    final func completeResponse(endStream: Bool) {
        response.version = .http2
        response.status = rules.status
        response.keepAlive = true
        // What a tunnel's response says of its length means nothing (RFC 9110 §9.3.6).
        let isTunnel = asksForTunnel && rules.status < 300
        response.framing = isTunnel && !endStream ? .chunked : framing(endStream: endStream)
    }

    /// RFC 9113 §8.3.1: a `host` field must not differ from `:authority`.
    private func addHost(_ value: Span<UInt8>) {
        let isEmpty = request.withAuthority { $0.isEmpty }
        if isEmpty { return request.setAuthority(value) }
        if !request.withAuthority({ ByteScan.equalIgnoringCase($0, value) }) { isHeadMalformed = true }
    }

    private func fits(_ block: borrowing HeaderBlock, _ byteCount: Int, _ settings: HTTP2SessionSettings) -> Bool {
        if block.byteCount + byteCount + 32 > settings.headerBytes || block.count >= settings.headerFields {
            isHeadTooLarge = true
        }
        return !isHeadTooLarge
    }

    private func framing(endStream: Bool) -> BodyFraming {
        if endStream { return .none }
        return rules.contentLength.map { .length($0) } ?? .chunked
    }

    /// RFC 9113 §8.2.3: cookie fields that were split for HPACK are one field again for whoever is behind.
    private func joinCookies() {
        var joined: [UInt8] = []
        for index in request.headers.indices where !request.headers.isRemoved(at: index) {
            guard request.headers.nameEquals(at: index, "cookie") else { continue }
            if !joined.isEmpty { joined.append(contentsOf: [UInt8(ascii: ";"), UInt8(ascii: " ")]) }
            request.headers.withValue(at: index) { joined.append(copying: $0) }
        }
        request.headers.set("cookie", joined)
    }
}
