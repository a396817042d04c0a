extension Transport {
    /// Stops reading; the kernel's window then stops the sender.
    public func pauseReading() {
        guard !isReadingPaused, state != .ended else { return }
        isReadingPaused = true
        updateInterest()
    }

    public func resumeReading() {
        guard isReadingPaused, !closesAfterFlush, state != .ended else { return }
        isReadingPaused = false
        updateInterest()
        if tls != nil && state == .open { loop.readLater(self) }
    }

    func abandon() { fail(.closed) }

    func handle(_ events: ReadyEvents) {
        if state == .connecting && !finishConnecting() { return }
        if events.contains(.writable) { sendBacklog() }
        guard state != .ended else { return }
        if isReadingPaused {
            // Both directions are gone, and level-triggered epoll would say so for ever.
            if !events.isDisjoint(with: [.failed, .hungUp]) { fail(.lost) }
            return
        }
        guard !events.isDisjoint(with: [.readable, .failed, .hungUp]) else { return }
        switch state {
        case .handshaking: continueHandshake()
        case .open: tls == nil ? readPlain() : readEncrypted(newBytes: true)
        case .lingering: discard()
        case .preamble: readPreamble()
        case .connecting, .ended: break
        }
    }

    /// Bytes that OpenSSL took from the socket and the protocol has not seen, because it paused.
    func readUnread() {
        guard state == .open, !isReadingPaused, tls != nil else { return }
        readEncrypted(newBytes: false)
    }

    func finishConnecting() -> Bool {
        guard Syscalls.pendingError(fd) == 0 else {
            fail(.connectFailed)
            return false
        }
        setInterest(writing: !backlog.isEmpty)
        guard tls == nil else {
            state = .handshaking
            continueHandshake()
            return state != .ended
        }
        state = .open
        delegate?.transportOpened()
        markDirty()
        return state == .open
    }

    func continueHandshake() {
        guard let tls else { return }
        tls.beginReading()
        let progress = tls.handshake()
        sendCipher()
        guard state == .handshaking else { return }
        switch progress {
        case .wantsRead: return
        case .ended, .failed:
            tlsFailure = tls.failure
            fail(.handshakeFailed)
        case .done:
            state = .open
            delegate?.transportOpened()
            if !output.isEmpty { markDirty() }
            if state == .open { readEncrypted(newBytes: false) }
        }
    }

    func readPlain() {
        do throws(ReactorError) {
            guard let count = try Syscalls.receive(fd, loop.readBuffer) else { return }
            deliver(count)
        } catch {
            fail(.lost)
        }
    }

    func readEncrypted(newBytes: Bool) {
        guard let tls else { return }
        if newBytes { tls.beginReading() }
        while state == .open && !isReadingPaused {
            let (count, progress) = tls.read(into: loop.readBuffer)
            sendCipher()  // an alert, or the answer to a key update
            guard state == .open else { return }
            switch progress {
            case .done: deliver(count)
            case .wantsRead: return
            case .ended: return deliver(0)
            case .failed where tls.isCertificateRefused && bytesReceived == 0:
                // In TLS 1.3 a client's handshake is over before the server has seen its certificate (RFC 8446 §4.4.2.4).
                tlsFailure = tls.failure
                return fail(.handshakeFailed)
            case .failed: return fail(.lost)
            }
            if !tls.hasUnread { return }
        }
    }

    func deliver(_ count: Int) {
        guard count > 0 else {
            if isWritingLost { return fail(.lost) }
            pauseReading()
            delegate?.transportReceivedEnd()
            return
        }
        bytesReceived += UInt64(count)
        let bytes = UnsafeBufferPointer(
            start: loop.readBuffer.baseAddress?.assumingMemoryBound(to: UInt8.self), count: count)
        delegate?.transportReceived(bytes.span)
    }
}
