/// What comes in, frame by frame (RFC 9113 §6).
extension HTTP2Session {
    /// Takes bytes of the connection; the streams' methods are called meanwhile.
    ///
    /// A fault that the other side is told of does not throw: GOAWAY is produced, and then `isFinished` is true.
    public func receive(_ bytes: Span<UInt8>) throws(HTTP2SessionError) {
        isReceiving = true
        do throws(HTTP2ErrorCode) {
            try take(bytes)
        } catch {
            fail(error)
        }
        isReceiving = false
        if let failure { throw failure }
        if hasOutput { delegate?.sessionHasOutput() }
    }

    private func take(_ bytes: Span<UInt8>) throws(HTTP2ErrorCode) {
        var offset = 0
        while !hasFailed {
            switch reader.next(in: bytes, from: &offset) {
            case .wantsMore: return
            case .badPreface: return giveUp(.badPreface)
            case .begins: try frameBegins(reader.header)
            case .payload(let range): try frameCame(reader.header, bytes.extracting(range))
            case .keptPayload:
                // Taken out: what is called meanwhile may end the session.
                var kept = Arena<UInt8>()
                reader.takeKept(&kept)
                defer { kept.releaseMemory() }
                try frameCame(reader.header, kept.buffer.span)
            case .data(let range): try dataCame(reader.header, bytes.extracting(range))
            }
        }
    }

    func giveUp(_ error: HTTP2SessionError) {
        failure = error
        hasFailed = true
        acceptsNewStreams = false
    }

    // MARK: - Headers of frames

    private func frameBegins(_ header: FrameHeader) throws(HTTP2ErrorCode) {
        let kind = header.kind
        // RFC 9113 §3.4: SETTINGS come first.
        guard peer.areKnown || kind == .settings && !header.has(FrameHeader.ack) else { throw .protocolError }
        if input.blockStream != 0 {
            guard kind == .continuation, header.stream == input.blockStream else { throw .protocolError }
        }
        guard header.length <= FrameHeader.maximumLength else { throw .frameSize }
        guard role == .client || pending.count <= mostPendingBytes else { return giveUp(.flooded) }
        switch kind {
        case .data: try dataBegins(header)
        case .headers: try headersBegin(header)
        case .continuation: guard input.blockStream != 0 else { throw .protocolError }
        case .priority: try check(header, isOfStream: true, length: 5)
        case .resetStream: try check(header, isOfStream: true, length: 4)
        case .windowUpdate: guard header.length == 4 else { throw .frameSize }
        case .ping: try check(header, isOfStream: false, length: 8)
        case .settings: try check(header, isOfStream: false, length: header.has(FrameHeader.ack) ? 0 : nil)
        case .goAway:
            try check(header, isOfStream: false, length: nil)
            guard header.length >= 8 else { throw .frameSize }
        // We announced that we take none, and clients never may (RFC 9113 §6.6).
        case .pushPromise: throw .protocolError
        case nil: controlFrames += 1
        }
    }

    private func check(_ header: FrameHeader, isOfStream: Bool, length: Int?) throws(HTTP2ErrorCode) {
        guard isOfStream == (header.stream != 0) else { throw .protocolError }
        if let length, header.length != length { throw .frameSize }
    }

    /// Frames of streams that were never opened are connection errors (RFC 9113 §5.1).
    private func isIdle(_ id: UInt32) -> Bool {
        switch role {
        case .server: id & 1 == 0 || id > recent.highest
        case .client: id & 1 == 0 || id >= nextID
        }
    }

    // MARK: - Whole frames

    private func frameCame(_ header: FrameHeader, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        switch header.kind {
        case .headers: try headersCame(header, payload)
        case .continuation: try continuationCame(header, payload)
        case .priority: try priorityCame(header.stream, payload)
        case .resetStream: try resetCame(header.stream, payload)
        case .settings: try settingsCame(header, payload)
        case .ping: pingCame(header, payload)
        case .goAway: try goAwayCame(payload)
        case .windowUpdate: try windowUpdateCame(header.stream, payload)
        case .data, .pushPromise, nil: break
        }
    }

    /// RFC 9113 §5.3.2: read for its errors only.
    private func priorityCame(_ id: UInt32, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        controlFrames += 1
        guard payload.bigEndian32(at: 0) & 0x7FFF_FFFF == id else { return }
        guard let stream = streams.find(id) else { throw .protocolError }
        faulted(stream, .protocolError)
    }

    private func resetCame(_ id: UInt32, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        guard !isIdle(id) else { throw .protocolError }
        noteWaste()
        if role == .server { recent.noteReset(id: id) }
        guard let stream = streams.find(id) else { return }
        close(stream, HTTP2ErrorCode(rawValue: payload.bigEndian32(at: 0)))
    }

    private func settingsCame(_ header: FrameHeader, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        if header.has(FrameHeader.ack) { return try settingsWereAcknowledged() }
        let before = peer
        try peer.apply(payload, fromServer: role == .client)
        if let smallest = peer.smallestHeaderTableSize {
            // A size that did not last is told of as well (RFC 7541 §4.2).
            encoder.setPeerTableSize(Int(smallest))
            encoder.setPeerTableSize(Int(peer.headerTableSize))
        }
        try changeWindows(by: Int64(peer.initialWindow) - Int64(before.initialWindow))
        controlFrames += 1
        answer(FrameHeader(type: FrameKind.settings.rawValue, flags: FrameHeader.ack), payload.extracting(..<0))
        delegate?.sessionReceivedSettings()
    }

    /// RFC 9113 §6.9.2: the windows of all streams change, if need be below zero.
    private func changeWindows(by difference: Int64) throws(HTTP2ErrorCode) {
        guard difference != 0 else { return }
        for stream in streams.all() {
            guard stream.sendWindow.change(by: difference) else { throw .flowControl }
            if !stream.outgoing.isEmpty { queueData(of: stream) }
        }
    }

    private func settingsWereAcknowledged() throws(HTTP2ErrorCode) {
        guard !settingsAreAcknowledged else { throw .protocolError }
        settingsAreAcknowledged = true
        for stream in streams.all() {
            stream.receiveWindow.resize(to: Int32(clamping: settings.streamWindow))
            // Less than half of the former window may be more than half of this one.
            let increment = stream.receiveWindow.consume(0)
            if increment > 0 && !stream.remoteHasEnded { writeWindowUpdate(stream.id, increment) }
        }
    }

    private func pingCame(_ header: FrameHeader, _ payload: Span<UInt8>) {
        controlFrames += 1
        if header.has(FrameHeader.ack) { return }
        answer(FrameHeader(length: 8, type: FrameKind.ping.rawValue, flags: FrameHeader.ack), payload)
    }

    private func goAwayCame(_ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        controlFrames += 1
        let lastStream = payload.bigEndian32(at: 0) & 0x7FFF_FFFF
        acceptsNewStreams = false
        delegate?.sessionIsGoingAway()
        guard role == .client else { return }
        // Above the last one nothing was done: it is as safe as a refusal (RFC 9113 §6.8).
        for stream in streams.all() where stream.id > lastStream { close(stream, .refusedStream) }
    }

    private func windowUpdateCame(_ id: UInt32, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        let increment = Int64(payload.bigEndian32(at: 0) & 0x7FFF_FFFF)
        updateCredit -= 1
        if updateCredit < 0 {
            updateCredit = 0
            controlFrames += 1
        }
        guard id != 0 else {
            guard increment > 0 else { throw .protocolError }
            guard sendWindow.change(by: increment) else { throw .flowControl }
            return
        }
        guard !isIdle(id) else { throw .protocolError }
        guard let stream = streams.find(id) else { return }
        guard increment > 0 else { return faulted(stream, .protocolError) }
        guard stream.sendWindow.change(by: increment) else { return faulted(stream, .flowControl) }
        if !stream.outgoing.isEmpty { queueData(of: stream) }
    }
}

// MARK: - DATA

extension HTTP2Session {
    private func dataBegins(_ header: FrameHeader) throws(HTTP2ErrorCode) {
        let id = header.stream
        guard id != 0 else { throw .protocolError }
        let endsStream = header.has(FrameHeader.endStream)
        let isPadded = header.has(FrameHeader.padded)
        guard !isPadded || header.length > 0 else { throw .frameSize }
        if role == .server {
            try recent.note(isHeaders: false, id: id, endsStream: endsStream)
        } else if isIdle(id) {
            throw .protocolError
        }
        guard receiveWindow.take(header.length) else { throw .flowControl }
        input.padding = isPadded ? nil : 0
        input.content = header.length
        input.stream = nil
        guard let stream = streams.find(id), stream.resetCode == nil else { return }
        if stream.remoteHasEnded { throw .streamClosed }
        guard stream.headIsComplete else { return faulted(stream, .protocolError) }
        guard stream.receiveWindow.take(header.length) else { return faulted(stream, .flowControl) }
        input.stream = stream
        if !isPadded { expect(header.length, of: stream) }
    }

    /// RFC 9113 §8.1.1: never more than content-length says.
    private func expect(_ count: Int, of stream: HTTP2Stream) {
        guard let expected = stream.expectedBytes else { return }
        guard UInt64(count) <= expected else { return drop(stream, .protocolError) }
        stream.expectedBytes = expected - UInt64(count)
    }

    private func drop(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        faulted(stream, code)
        input.stream = nil
    }

    private func dataCame(_ header: FrameHeader, _ part: Span<UInt8>) throws(HTTP2ErrorCode) {
        guard let stream = input.stream, stream.resetCode == nil else {
            // Whoever waits for it is gone: the connection's window opens again.
            giveBack(part.count)
            return
        }
        var start = 0
        if input.padding == nil && !part.isEmpty {
            try takePadding(Int(part[0]), header, stream)
            start = 1
            consumeWithoutOwner(1, of: stream)
            guard input.stream != nil else { return giveBack(part.count - 1) }
        }
        let content = part.extracting(start..<start + min(input.content, part.count - start))
        if !content.isEmpty {
            input.content -= content.count
            stream.unconsumed += content.count
            stream.bodyReceived(content)
        }
        let padding = part.count - start - content.count
        if padding > 0 { consumeWithoutOwner(padding, of: stream) }
        if !reader.isWithinFrame { dataEnded(header, of: stream) }
    }

    private func takePadding(_ padding: Int, _ header: FrameHeader, _ stream: HTTP2Stream) throws(HTTP2ErrorCode) {
        guard padding < header.length else { throw .protocolError }
        input.padding = padding
        input.content = header.length - 1 - padding
        expect(input.content, of: stream)
    }

    /// Padding is the session's to consume.
    private func consumeWithoutOwner(_ count: Int, of stream: HTTP2Stream) {
        if stream.isClosed || stream.resetCode != nil { giveBack(count) } else { consumed(count, of: stream) }
    }

    private func dataEnded(_ header: FrameHeader, of stream: HTTP2Stream) {
        input.stream = nil
        guard header.has(FrameHeader.endStream) else {
            let padding = header.has(FrameHeader.padded) ? 1 + (input.padding ?? 0) : 0
            if header.length == padding { controlFrames += 1 }
            return
        }
        guard !stream.isClosed, stream.resetCode == nil else { return }
        endReceived(stream)
    }

    /// END_STREAM came, with DATA or with trailers.
    func endReceived(_ stream: HTTP2Stream) {
        guard stream.expectedBytes ?? 0 == 0 else { return faulted(stream, .protocolError) }
        stream.remoteHasEnded = true
        stream.endReceived()
        closeIfDone(stream)
    }
}
