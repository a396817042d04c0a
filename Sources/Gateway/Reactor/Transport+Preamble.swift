/// What the reader of a preamble says of the bytes there are.
public enum Preamble {
    case incomplete
    /// It takes so many bytes, and the client is this one; nil: who is connected.
    case complete(count: Int, peer: SocketAddress?)
    case refused
}

extension Transport {
    /// The longest preamble.
    private static let preambleLimit = 8_192

    /// Takes the preamble's bytes from the socket and not one more: what follows may be TLS, which reads for itself. So it
    /// looks first; and takes what is part of an incomplete one, or epoll would report it for ever.
    func readPreamble() {
        guard let preamble else { return }
        do throws(ReactorError) {
            guard let count = try Syscalls.peek(fd, loop.readBuffer) else { return }
            guard count > 0 else { return fail(.lost) }
            let known = preambleBytes.count
            preambleBytes.append(contentsOf: loop.readBuffer[..<count])
            // A local reference: the release build wants a span of something that cannot change under it.
            let bytes = preambleBytes
            switch preamble(bytes.span) {
            case .refused: return fail(.handshakeFailed)
            case .incomplete:
                guard preambleBytes.count < Self.preambleLimit else { return fail(.handshakeFailed) }
                _ = try Syscalls.receive(fd, UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<count]))
                return
            case .complete(let total, let peer):
                let rest = UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<(total - known)])
                _ = try Syscalls.receive(fd, rest)
                if let peer { self.peer = peer }
            }
        } catch {
            return fail(.lost)
        }
        self.preamble = nil
        preambleBytes = []
        state = tls == nil ? .open : .handshaking
        // What follows is still in the kernel: epoll says so again.
        if state == .open { delegate?.transportOpened() }
    }
}
