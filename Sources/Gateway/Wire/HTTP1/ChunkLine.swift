/// Reads one chunk's size line, byte by byte (RFC 9112 §7.1).
///
///     chunk-size [ ";" name [ "=" ( token / quoted-string ) ] ]… CRLF
///
/// Extensions are checked and ignored, as §7.1.1 demands. The whitespace that the grammar tolerates around `;` and `=`
/// ("BWS") is refused: nobody sends it but those who look for two parsers that disagree about it.
struct ChunkLine: Sendable {
    /// Bytes of extensions that one chunk may have.
    static let maxExtensionBytes = 256

    private enum State {
        case size
        case nameStart
        case name
        case valueStart
        case token
        case quoted
        case quotedPair
        case afterQuoted
        case lineFeed
    }

    private var state = State.size
    private var digits = 0
    private var extensionBytes = 0
    /// The size so far.
    private(set) var size: UInt64 = 0

    /// Bytes of the line so far, its CRLF included once complete.
    var byteCount: Int { digits + extensionBytes + 2 }

    /// Takes the next byte; true when it completes the line.
    mutating func take(_ byte: UInt8) throws(HTTP1Error) -> Bool {
        switch state {
        case .size: try takeSize(byte)
        case .lineFeed:
            guard byte == ASCII.lineFeed else { throw .bareCarriageReturn }
            return true
        default:
            if byte == ASCII.lineFeed { throw .bareLineFeed }
            try takeExtension(byte)
        }
        return false
    }

    private mutating func takeSize(_ byte: UInt8) throws(HTTP1Error) {
        if let value = ASCII.hexValue(byte) {
            guard digits < 16 else { throw .chunkSizeOverflow }
            digits += 1
            size = size << 4 | UInt64(value)
            return
        }
        guard digits > 0 else { throw .invalidChunkSize }
        switch byte {
        case ASCII.carriageReturn: state = .lineFeed
        case ASCII.semicolon: try count(.nameStart)
        case ASCII.lineFeed: throw .bareLineFeed
        case ASCII.space, ASCII.tab: throw .whitespaceInChunkLine
        default: throw .invalidChunkSize
        }
    }

    private mutating func takeExtension(_ byte: UInt8) throws(HTTP1Error) {
        let isToken = ByteSet.token.contains(byte)
        switch (state, byte) {
        case (.name, ASCII.equals): try count(.valueStart)
        case (.valueStart, ASCII.quote): try count(.quoted)
        case (.quoted, ASCII.quote): try count(.afterQuoted)
        case (.quoted, ASCII.backslash): try count(.quotedPair)
        case (.quoted, _), (.quotedPair, _):
            // qdtext and quoted-pair, RFC 9110 §5.6.4: any byte but control bytes; HTAB is none here.
            guard byte == ASCII.tab || byte >= ASCII.space && byte != ASCII.delete else {
                throw .invalidChunkExtension
            }
            try count(.quoted)
        case (.nameStart, _) where isToken, (.name, _) where isToken: try count(.name)
        case (.valueStart, _) where isToken, (.token, _) where isToken: try count(.token)
        case (.name, ASCII.semicolon), (.token, ASCII.semicolon), (.afterQuoted, ASCII.semicolon):
            try count(.nameStart)
        case (.name, ASCII.carriageReturn), (.token, ASCII.carriageReturn), (.afterQuoted, ASCII.carriageReturn):
            state = .lineFeed
        case (_, ASCII.space), (_, ASCII.tab): throw .whitespaceInChunkLine
        default: throw .invalidChunkExtension
        }
    }

    /// Counts a byte of an extension and goes to the next state.
    private mutating func count(_ next: State) throws(HTTP1Error) {
        guard extensionBytes < Self.maxExtensionBytes else { throw .chunkExtensionTooLong }
        extensionBytes += 1
        state = next
    }
}
