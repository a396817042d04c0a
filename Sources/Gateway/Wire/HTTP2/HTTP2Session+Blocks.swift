/// Field blocks: HEADERS and CONTINUATION, and what they mean for their stream (RFC 9113 §4.3, §6.2, §8.1).
extension HTTP2Session {
    func headersBegin(_ header: FrameHeader) throws(HTTP2ErrorCode) {
        let id = header.stream
        input.stream = nil
        input.blockError = nil
        switch role {
        case .server:
            let isNew = id > recent.highest
            try recent.note(isHeaders: true, id: id, endsStream: header.has(FrameHeader.endStream))
            // Beyond what GOAWAY named nothing is done, and the client knows.
            if isNew && goAwayWasSent { return }
            input.stream = isNew ? openStream(id) : streams.find(id)
        case .client:
            guard id & 1 == 1, id < nextID else { throw .protocolError }
            input.stream = streams.find(id)
        }
        if let stream = input.stream, stream.remoteHasEnded { throw .streamClosed }
    }

    /// - Returns: nil when the client has as many streams open as it may.
    private func openStream(_ id: UInt32) -> HTTP2Stream? {
        guard streams.count < Int(settings.concurrentStreams) else {
            writeReset(id, .refusedStream)
            noteWaste()
            return nil
        }
        // From here the time of its head counts, though the block may take its time.
        guard let stream = delegate?.makeStream() else { return nil }
        add(stream, id)
        return stream
    }

    func headersCame(_ header: FrameHeader, _ payload: Span<UInt8>) throws(HTTP2ErrorCode) {
        var start = 0
        var padding = 0
        if header.has(FrameHeader.padded) {
            guard !payload.isEmpty else { throw .frameSize }
            padding = Int(payload[0])
            start = 1
        }
        if header.has(FrameHeader.priority) {
            guard payload.count >= start + 5 else { throw .frameSize }
            if payload.bigEndian32(at: start) & 0x7FFF_FFFF == header.stream { input.blockError = .protocolError }
            start += 5
        }
        guard start + padding <= payload.count else { throw .protocolError }
        let fragment = payload.extracting(start..<payload.count - padding)
        let endsStream = header.has(FrameHeader.endStream)
        if header.has(FrameHeader.endHeaders) { return try blockCame(fragment, endsStream: endsStream) }
        input.blockStream = header.stream
        input.blockEndsStream = endsStream
        input.continuations = 0
        input.block.append(copying: fragment)
    }

    func continuationCame(_ header: FrameHeader, _ fragment: Span<UInt8>) throws(HTTP2ErrorCode) {
        input.continuations += 1
        guard input.continuations <= FrameInput.mostContinuations,
            input.block.count + fragment.count <= FrameInput.mostBlockBytes
        else { return giveUp(.flooded) }
        input.block.append(copying: fragment)
        guard header.has(FrameHeader.endHeaders) else { return }
        var block = Arena<UInt8>()
        swap(&block, &input.block)
        defer { block.releaseMemory() }
        input.blockStream = 0
        try blockCame(block.buffer.span, endsStream: input.blockEndsStream)
    }

    private func blockCame(_ block: Span<UInt8>, endsStream: Bool) throws(HTTP2ErrorCode) {
        guard let stream = input.stream, stream.resetCode == nil else {
            return try decode(block) { _, _ in false }
        }
        input.stream = nil
        var error = input.blockError
        if role == .client && !stream.headIsComplete { stream.rules = HeadRules() }
        try decode(block) { bytes, field in
            let fault = fieldCame(bytes, field, of: stream)
            if let fault { error = error ?? fault }
            return fault == nil
        }
        if let error { return faulted(stream, error) }
        if stream.headIsComplete { return trailersCame(stream, endsStream: endsStream) }
        switch role {
        case .server: requestCame(stream, endsStream: endsStream)
        case .client: responseCame(stream, endsStream: endsStream)
        }
    }

    private func decode(_ block: Span<UInt8>, _ take: (Span<UInt8>, HPACKField) -> Bool) throws(HTTP2ErrorCode) {
        do throws(HPACKError) {
            try decoder.decode(block, scratch: &buffers.scratch, take)
        } catch {
            throw .compression
        }
    }

    /// - Returns: the error of the stream that the field is. A block far over the limit is a bomb (one byte of HPACK can
    ///   stand for kilobytes), and is not worth the answer that one a little over it gets.
    private func fieldCame(
        _ bytes: Span<UInt8>, _ field: HPACKField, of stream: HTTP2Stream
    ) -> HTTP2ErrorCode? {
        stream.fieldBytes += bytes.count + 32
        guard stream.fieldBytes <= 4 * settings.headerBytes else {
            return role == .server ? .enhanceYourCalm : .protocolError
        }
        guard field.isWellFormed else { return .protocolError }
        let isGood =
            if stream.headIsComplete {
                stream.takeTrailer(bytes, field, settings)
            } else if role == .server {
                stream.takeRequestField(bytes, field, settings)
            } else {
                stream.takeResponseField(bytes, field, settings)
            }
        return isGood ? nil : .protocolError
    }

    private func requestCame(_ stream: HTTP2Stream, endsStream: Bool) {
        let length = stream.rules.contentLength
        guard stream.rules.isWholeRequest, !endsStream || length ?? 0 == 0 else {
            return faulted(stream, .protocolError)
        }
        stream.expectedBytes = length
        stream.completeRequest(endStream: endsStream)
        headCame(stream, endsStream: endsStream)
    }

    private func responseCame(_ stream: HTTP2Stream, endsStream: Bool) {
        let status = stream.rules.status
        guard stream.rules.isWholeResponse else { return faulted(stream, .protocolError) }
        guard status >= 200 else {
            // Another head follows (RFC 9113 §8.1).
            if endsStream { return faulted(stream, .protocolError) }
            return stream.response.reset()
        }
        if stream.asksForHead || status == 204 || status == 304 {
            stream.expectedBytes = 0
        } else if !(stream.asksForTunnel && status < 300) {
            stream.expectedBytes = stream.rules.contentLength
        }
        if endsStream && stream.expectedBytes ?? 0 > 0 { return faulted(stream, .protocolError) }
        stream.completeResponse(endStream: endsStream)
        headCame(stream, endsStream: endsStream)
    }

    private func headCame(_ stream: HTTP2Stream, endsStream: Bool) {
        stream.headIsComplete = true
        stream.remoteHasEnded = endsStream
        stream.headReceived(endStream: endsStream)
        if endsStream { closeIfDone(stream) }
    }

    private func trailersCame(_ stream: HTTP2Stream, endsStream: Bool) {
        guard endsStream else { return faulted(stream, .protocolError) }
        endReceived(stream)
    }
}
