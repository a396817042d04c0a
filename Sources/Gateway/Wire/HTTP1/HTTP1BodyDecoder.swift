/// Finds the content of one HTTP/1.1 message in the bytes that follow its head (RFC 9112 §6, §7).
///
/// Content is handed on as spans of the input: nothing is copied or kept. Chunks are read as strictly as heads, and a
/// sender who wraps little content in much framing is refused, since each such byte costs us and not the receiver.
public struct HTTP1BodyDecoder: Sendable {
    /// How far the framing of chunks (size lines, extensions, CRLFs) may outgrow content before it is an attack. Each
    /// chunk earns `chunkAllowance` and its content's length, so ordinary chunks of a single byte never add up.
    static let maxChunkOverhead = 16_384
    static let chunkAllowance = 16

    private enum State: Sendable {
        case content(left: UInt64)
        case untilClose
        case chunkLine(ChunkLine)
        case chunk(left: UInt64)
        case chunkReturn
        case chunkLineFeed
        case trailers
        case finished
    }

    private var state: State
    private var overhead = 0
    private var scanner = LineScanner()
    private var trailerBytes = 0
    private var trailerFields = 0
    private let maxTrailerBytes: Int
    private let maxTrailerFields: Int

    /// - Parameters:
    ///   - framing: as the head's parser gave it.
    ///   - maxTrailerBytes: of all trailer lines together, each with its CRLF.
    ///   - maxTrailerFields: how many trailer lines there may be.
    /// - Precondition: neither limit is negative or above 16 MiB.
    public init(framing: BodyFraming, maxTrailerBytes: Int = 8192, maxTrailerFields: Int = 32) {
        let range = 0...(1 << 24)
        precondition(
            range.contains(maxTrailerBytes) && range.contains(maxTrailerFields),
            "a limit of a trailer section lies between 0 and 16 MiB")
        self.maxTrailerBytes = maxTrailerBytes
        self.maxTrailerFields = maxTrailerFields
        state =
            switch framing {
            case .none, .length(0): .finished
            case .length(let length): .content(left: length)
            case .chunked: .chunkLine(ChunkLine())
            case .untilClose: .untilClose
            }
    }

    /// Whether the message is complete. What follows in the input is the next message.
    public var isFinished: Bool {
        if case .finished = state { true } else { false }
    }

    /// Counts content whose length is known as taken, without looking at it: what `decode` would hand on in one piece.
    ///
    /// - Returns: how many of the `available` bytes are content; nil when the content is framed otherwise, or there is none.
    public mutating func takeContent(available: Int) -> Int? {
        guard case .content(let left) = state else { return nil }
        let taken = Int(min(left, UInt64(available)))
        state = UInt64(taken) == left ? .finished : .content(left: left - UInt64(taken))
        return taken
    }

    /// Takes content from the start of `input`.
    ///
    /// - Parameters:
    ///   - input: what the connection has delivered and no earlier call has consumed.
    ///   - trailers: receives the trailer fields (RFC 9112 §7.1.2). Lines are complete when `isFinished`.
    ///   - body: receives the content, in order, in none or more pieces; none is empty.
    /// - Returns: how many bytes were consumed. Less than all when the message is finished, or when a trailer line is
    ///   incomplete: then present the rest again with more behind it.
    /// - Throws: why the message is refused. The decoder must not be used any further.
    public mutating func decode(
        _ input: Span<UInt8>, trailers: inout HeaderBlock, _ body: (Span<UInt8>) -> Void
    ) throws(HTTP1Error) -> Int {
        var offset = 0
        // Each turn takes at least one byte, or leaves the loop.
        while offset < input.count {
            switch state {
            case .finished: return offset
            case .untilClose:
                body(input.extracting(offset...))
                return input.count
            case .content(let left):
                let taken = deliver(input.extracting(offset...), left, body)
                offset += taken
                state = UInt64(taken) == left ? .finished : .content(left: left - UInt64(taken))
            case .chunk(let left):
                let taken = deliver(input.extracting(offset...), left, body)
                offset += taken
                state = UInt64(taken) == left ? .chunkReturn : .chunk(left: left - UInt64(taken))
            case .chunkLine(let line):
                offset += try readChunkLine(line, input.extracting(offset...))
            case .chunkReturn:
                guard input[offset] == ASCII.carriageReturn else { throw .missingChunkEnd }
                offset += 1
                state = .chunkLineFeed
            case .chunkLineFeed:
                guard input[offset] == ASCII.lineFeed else { throw .missingChunkEnd }
                offset += 1
                state = .chunkLine(ChunkLine())
            case .trailers:
                return offset + (try readTrailers(input.extracting(offset...), into: &trailers))
            }
        }
        return offset
    }

    /// Tells the decoder that the peer has closed its side.
    ///
    /// - Throws: `truncatedBody` unless the message is complete or ends with the connection.
    public mutating func endOfInput() throws(HTTP1Error) {
        switch state {
        case .finished: return
        case .untilClose: state = .finished
        default: throw .truncatedBody
        }
    }

    // MARK: - Private

    private func deliver(_ input: Span<UInt8>, _ left: UInt64, _ body: (Span<UInt8>) -> Void) -> Int {
        let taken = Int(min(left, UInt64(input.count)))
        body(input.extracting(..<taken))
        return taken
    }

    private mutating func readChunkLine(_ begun: ChunkLine, _ input: Span<UInt8>) throws(HTTP1Error) -> Int {
        var line = begun
        for offset in input.indices where try line.take(input[offset]) {
            try account(for: line)
            state = line.size == 0 ? .trailers : .chunk(left: line.size)
            return offset + 1
        }
        state = .chunkLine(line)
        return input.count
    }

    /// Charges a chunk for its framing and credits its content.
    private mutating func account(for line: ChunkLine) throws(HTTP1Error) {
        let credit = Int(clamping: line.size).addingReportingOverflow(Self.chunkAllowance)
        let balance = overhead + line.byteCount + 2 - (credit.overflow ? Int.max : credit.partialValue)
        overhead = max(0, balance)
        guard overhead <= Self.maxChunkOverhead else { throw .chunkOverhead }
    }

    private mutating func readTrailers(
        _ input: Span<UInt8>, into trailers: inout HeaderBlock
    ) throws(HTTP1Error) -> Int {
        while let line = try scanner.nextLine(
            in: input, limit: max(0, maxTrailerBytes - trailerBytes - scanner.lineStart - 2),
            tooLong: .trailerSectionTooLarge)
        {
            if line.isEmpty {
                state = .finished
                return scanner.lineStart
            }
            trailerFields += 1
            guard trailerFields <= maxTrailerFields else { throw .trailerSectionTooLarge }
            try readTrailer(input.extracting(line), into: &trailers)
        }
        let consumed = scanner.lineStart
        trailerBytes += consumed
        scanner.discardLines()
        return consumed
    }

    private func readTrailer(_ line: Span<UInt8>, into trailers: inout HeaderBlock) throws(HTTP1Error) {
        trailers.keep(try trailers.read(line))
        let isForbidden = trailers.withName(at: trailers.indices.upperBound - 1, FieldRules.isForbiddenInTrailer)
        guard !isForbidden else { throw .forbiddenTrailer }
    }
}
