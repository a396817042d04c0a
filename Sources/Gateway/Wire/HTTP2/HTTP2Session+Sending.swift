/// What goes out.
extension HTTP2Session {
    /// Appends frames to `buffer` until there are none or it holds about `limit` bytes.
    ///
    /// - Returns: whether there may be more.
    public func produce(into buffer: inout [UInt8], limit: Int) -> Bool {
        flushPending(into: &buffer)
        pendingAnswers = 0
        while buffer.count < limit && !hasFailed {
            if let id = ending.next() {
                if let stream = streams.find(id) { produceEnd(of: stream, into: &buffer) }
            } else if sendWindow.available > 0, let id = withData.next() {
                if let stream = streams.find(id) { produceData(of: stream, into: &buffer) }
            } else {
                break
            }
            // HPACK goes by the order in which heads were encoded.
            flushPending(into: &buffer)
        }
        return buffer.count >= limit && hasOutput
    }

    private func flushPending(into buffer: inout [UInt8]) {
        guard pending.count > 0 else { return }
        buffer.append(contentsOf: pending.buffer)
        // Most connections are idle most of the time: their memory serves others.
        buffers.giveBack(&pending)
    }

    /// One DATA frame, the stream's share of this turn; with its end, if that is known.
    private func produceData(of stream: HTTP2Stream, into buffer: inout [UInt8]) {
        stream.isQueued = false
        let window = min(Int(stream.sendWindow.available), Int(sendWindow.available))
        let count = min(stream.outgoing.count, FrameHeader.maximumLength, window)
        guard count > 0, stream.resetCode == nil else { return }
        let isLast = stream.outgoingEnds && count == stream.outgoing.count
        let endsStream = isLast && stream.outgoingTrailers.isEmpty
        writeData(count, endsStream: endsStream, of: stream, into: &buffer)
        stream.sendWindow.take(count)
        sendWindow.take(count)
        updateCredit = min(updateCredit + 2, Self.mostUpdates)
        if isLast {
            if !endsStream { produceTrailers(of: stream, into: &buffer) }
            stream.localHasEnded = true
        } else if !stream.outgoing.isEmpty && stream.sendWindow.available > 0 {
            stream.isQueued = true
            withData.append(stream.id)
        }
        stream.bodySent(count)
        closeIfDone(stream)
    }

    private func writeData(_ count: Int, endsStream: Bool, of stream: HTTP2Stream, into buffer: inout [UInt8]) {
        let header = FrameHeader(
            length: count, type: FrameKind.data.rawValue, flags: endsStream ? FrameHeader.endStream : 0,
            stream: stream.id)
        buffer.append(addingCapacity: FrameHeader.byteCount + count) { output in
            output.append(header)
            stream.outgoing.withFront(count) { output.append(copying: $0) }
        }
        stream.outgoing.removeFirst(count, into: buffers)
    }

    /// What needs no window: closes a stream that was reset, or ends one whose data has left.
    private func produceEnd(of stream: HTTP2Stream, into buffer: inout [UInt8]) {
        if let code = stream.resetCode { return close(stream, code) }
        guard stream.outgoingEnds, stream.outgoing.isEmpty, !stream.localHasEnded else { return }
        if !stream.endsWithHead {
            if stream.outgoingTrailers.isEmpty {
                writeData(0, endsStream: true, of: stream, into: &buffer)
            } else {
                produceTrailers(of: stream, into: &buffer)
            }
        }
        stream.localHasEnded = true
        closeIfDone(stream)
    }

    private func produceTrailers(of stream: HTTP2Stream, into buffer: inout [UInt8]) {
        writeTrailers(stream.outgoingTrailers, stream.id)
        stream.outgoingTrailers.removeAll()
        flushPending(into: &buffer)
    }

    // MARK: - Control frames

    func writePreface() {
        takeMemory()
        if role == .client { FrameReader.preface.withUTF8Buffer { pending.append(copying: $0) } }
        let last: (UInt16, UInt32) = role == .server ? (3, settings.concurrentStreams) : (2, 0)
        let extended = role == .server
        let header = FrameHeader(length: extended ? 24 : 18, type: FrameKind.settings.rawValue)
        pending.append(addingCapacity: 64) { output in
            output.append(header)
            // INITIAL_WINDOW_SIZE and MAX_HEADER_LIST_SIZE; a server's MAX_CONCURRENT_STREAMS, a client's ENABLE_PUSH.
            output.append(setting: 4, settings.streamWindow)
            output.append(setting: 6, UInt32(clamping: settings.headerBytes))
            output.append(setting: last.0, last.1)
            // Extended CONNECT is understood (RFC 8441 §3).
            if extended { output.append(setting: 8, 1) }
        }
        let size = max(settings.connectionWindow, SendWindow.initial)
        if size > SendWindow.initial {
            writeWindowUpdate(0, UInt32(size - SendWindow.initial))
            receiveWindow.resize(to: size)
        }
    }

    /// ACK of PING or SETTINGS: what makes us send without end (RFC 9113 §10.5).
    func answer(_ header: FrameHeader, _ payload: Span<UInt8>) {
        pendingAnswers += 1
        guard pendingAnswers <= Self.mostPendingAnswers else { return giveUp(.flooded) }
        takeMemory()
        pending.append(addingCapacity: FrameHeader.byteCount + payload.count) { output in
            output.append(header)
            output.append(copying: payload)
        }
    }

    func writeReset(_ id: UInt32, _ code: HTTP2ErrorCode) {
        write(FrameHeader(length: 4, type: FrameKind.resetStream.rawValue, stream: id), code.rawValue)
    }

    func writeWindowUpdate(_ id: UInt32, _ increment: UInt32) {
        write(FrameHeader(length: 4, type: FrameKind.windowUpdate.rawValue, stream: id), increment)
    }

    /// GOAWAY that refuses nothing yet.
    func writeDrainNotice() {
        write(
            FrameHeader(length: 8, type: FrameKind.goAway.rawValue), 0x7FFF_FFFF, HTTP2ErrorCode.noError.rawValue)
    }

    func writeGoAway(lastStream: UInt32, _ code: HTTP2ErrorCode) {
        goAwayWasSent = true
        write(FrameHeader(length: 8, type: FrameKind.goAway.rawValue), lastStream, code.rawValue)
    }

    private func write(_ header: FrameHeader, _ first: UInt32, _ second: UInt32? = nil) {
        takeMemory()
        pending.append(addingCapacity: FrameHeader.byteCount + 8) { output in
            output.append(header)
            output.append(bigEndian: first)
            if let second { output.append(bigEndian: second) }
        }
    }

    /// Memory that went round already, if there is any.
    private func takeMemory() {
        if !pending.hasMemory { buffers.lend(&pending) }
    }

    // MARK: - Heads

    private static let encodedField = HPACKEncoder.maximumFieldOverhead

    func writeResponse(_ head: borrowing ResponseHead, _ id: UInt32, endStream: Bool) {
        let start = beginBlock()
        let bound = head.headers.byteCount + Self.encodedField
        pending.append(addingCapacity: bound + HPACKEncoder.maximumUpdateBytes) { output in
            encoder.begin(into: &output)
            encoder.encode(status: head.status, into: &output)
            Self.encode(head.headers, with: &encoder, into: &output)
        }
        endBlock(start, id, endStream: endStream)
    }

    func writeStatus(_ status: UInt16, _ id: UInt32) {
        let start = beginBlock()
        pending.append(addingCapacity: Self.encodedField + HPACKEncoder.maximumUpdateBytes) { output in
            encoder.begin(into: &output)
            encoder.encode(status: status, into: &output)
        }
        endBlock(start, id, endStream: false)
    }

    func writeTrailers(_ trailers: borrowing HeaderBlock, _ id: UInt32) {
        let start = beginBlock()
        pending.append(addingCapacity: trailers.byteCount + HPACKEncoder.maximumUpdateBytes) { output in
            encoder.begin(into: &output)
            Self.encode(trailers, with: &encoder, into: &output)
        }
        endBlock(start, id, endStream: true)
    }

    func writeRequest(_ head: borrowing RequestHead, _ id: UInt32, endStream: Bool) {
        let start = beginBlock()
        let control = head.withMethod { $0.count } + head.withTarget { $0.count } + head.withAuthority { $0.count }
        let more = head.withProtocol { $0.count } + 5 * Self.encodedField + 5
        let bound = head.headers.byteCount + control + more
        pending.append(addingCapacity: bound + HPACKEncoder.maximumUpdateBytes) { output in
            encoder.begin(into: &output)
            head.withMethod { encoder.encode(.method, $0, into: &output) }
            let scheme: StaticString = settings.isSecure ? "https" : "http"
            scheme.withUTF8Buffer { encoder.encode(.scheme, $0.span, into: &output) }
            // HTTP/1.0 may come without one, and an empty one is malformed (RFC 9113 §8.3.1).
            head.withAuthority { if !$0.isEmpty { encoder.encode(.authority, $0, into: &output) } }
            head.withTarget { encoder.encode(.path, $0, into: &output) }
            head.withProtocol { if !$0.isEmpty { encoder.encode(.protocol, $0, into: &output) } }
            Self.encode(head.headers, with: &encoder, into: &output)
        }
        endBlock(start, id, endStream: endStream)
    }

    private static func encode(
        _ headers: borrowing HeaderBlock, with encoder: inout HPACKEncoder, into output: inout OutputSpan<UInt8>
    ) {
        headers.forEach { name, value, flags in
            encoder.encode(name: name, value: value, neverIndexed: flags.contains(.neverIndexed), into: &output)
        }
    }

    /// Leaves room for the frame's header, and says where.
    private func beginBlock() -> Int {
        takeMemory()
        let start = pending.count
        pending.append(addingCapacity: FrameHeader.byteCount) { $0.append(repeating: 0, count: FrameHeader.byteCount) }
        return start
    }

    private func endBlock(_ start: Int, _ id: UInt32, endStream: Bool) {
        let count = pending.count - start - FrameHeader.byteCount
        let ends = endStream ? FrameHeader.endStream : 0
        guard count > FrameHeader.maximumLength else {
            let header = FrameHeader(
                length: count, type: FrameKind.headers.rawValue, flags: ends | FrameHeader.endHeaders, stream: id)
            return pending.overwrite(at: start, with: header)
        }
        let block = Array(pending.buffer[(start + FrameHeader.byteCount)...])
        pending.truncate(to: start)
        writePieces(of: block, id, firstFlags: ends)
    }

    /// A block that no frame holds goes on in CONTINUATION (RFC 9113 §4.3).
    private func writePieces(of block: [UInt8], _ id: UInt32, firstFlags: UInt8) {
        for start in stride(from: 0, to: block.count, by: FrameHeader.maximumLength) {
            let end = min(start + FrameHeader.maximumLength, block.count)
            let kind = start == 0 ? FrameKind.headers : .continuation
            let flags = (start == 0 ? firstFlags : 0) | (end == block.count ? FrameHeader.endHeaders : 0)
            let header = FrameHeader(length: end - start, type: kind.rawValue, flags: flags, stream: id)
            pending.append(addingCapacity: FrameHeader.byteCount + header.length) { output in
                output.append(header)
                output.append(copying: block.span.extracting(start..<end))
            }
        }
    }
}

extension OutputSpan<UInt8> {
    fileprivate mutating func append(setting id: UInt16, _ value: UInt32) {
        append(bigEndian: id)
        append(bigEndian: value)
    }
}

extension Arena<UInt8> {
    /// Writes a frame's header over the nine bytes at `offset`.
    fileprivate mutating func overwrite(at offset: Int, with header: FrameHeader) {
        replace(at: offset, with: UInt8(truncatingIfNeeded: header.length >> 16))
        replace(at: offset + 1, with: UInt8(truncatingIfNeeded: header.length >> 8))
        replace(at: offset + 2, with: UInt8(truncatingIfNeeded: header.length))
        replace(at: offset + 3, with: header.type)
        replace(at: offset + 4, with: header.flags)
        for index in 0..<4 {
            replace(at: offset + 5 + index, with: UInt8(truncatingIfNeeded: header.stream >> (24 - 8 * UInt32(index))))
        }
    }
}
