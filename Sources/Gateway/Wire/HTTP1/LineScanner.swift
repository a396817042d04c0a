/// Cuts a head or a trailer section into lines, in one pass that also refuses every control byte but HTAB.
///
/// The scanner remembers how far it has looked, so input that arrives byte by byte costs no more than input that
/// arrives at once. Offsets count from the start of what the caller presents; the caller presents the same bytes again,
/// with more behind them. The verdict does not depend on how the input was split.
struct LineScanner: Sendable {
    /// Where the current line begins.
    private(set) var lineStart = 0
    /// No byte of `lineStart..<scanned` is a control byte other than HTAB.
    private(set) var scanned = 0

    /// The next line without its CRLF; nil when it is not complete yet.
    ///
    /// - Parameters:
    ///   - limit: how many bytes the line may have, CRLF not counted.
    ///   - tooLong: what to throw when it has more.
    /// - Precondition: `input` is at least as long as it was the last time.
    @inline(__always)
    mutating func nextLine(
        in input: Span<UInt8>, limit: Int, tooLong: HTTP1Error
    ) throws(HTTP1Error) -> Range<Int>? {
        precondition(scanned <= input.count, "bytes of an incomplete head are presented again, with more behind them")
        // One byte beyond the limit is looked at: in a line of allowed length it is the CR or comes before it.
        let windowEnd = min(input.count, lineStart + limit + 1)
        let stop = ByteScan.firstControl(in: input, from: min(scanned, windowEnd), to: windowEnd)
        guard stop < windowEnd, stop &+ 1 < input.count, input[stop] == ASCII.carriageReturn,
            input[stop &+ 1] == ASCII.lineFeed
        else {
            scanned = stop
            try checkEnd(of: input, at: stop, windowEnd: windowEnd, limit: limit, tooLong: tooLong)
            return nil
        }
        let line = lineStart..<stop
        lineStart = stop &+ 2
        scanned = lineStart
        return line
    }

    /// Whether what there is may still become a line, after no CRLF was found.
    @inline(never)
    private func checkEnd(
        of input: Span<UInt8>, at stop: Int, windowEnd: Int, limit: Int, tooLong: HTTP1Error
    ) throws(HTTP1Error) {
        guard stop < windowEnd else {
            if windowEnd - lineStart > limit { throw tooLong }
            return
        }
        switch input[stop] {
        case ASCII.carriageReturn where stop + 1 == input.count: return
        case ASCII.carriageReturn: throw .bareCarriageReturn
        case ASCII.lineFeed: throw .bareLineFeed
        default: throw .controlByte
        }
    }

    /// Forgets the lines read so far; their bytes are not presented again.
    mutating func discardLines() {
        scanned -= lineStart
        lineStart = 0
    }
}
