@testable import Wire

/// What was read, as plain values.
private enum Verdict<Head: Equatable>: Equatable {
    case complete(Head, consumed: Int)
    case incomplete
    case refused(HTTP1Error)
}

private struct Summary: Equatable {
    var line: [String]
    var framing: BodyFraming
    var keepAlive: Bool
    var fields: [[UInt8]]
}

private let limits = HTTP1Limits(maxStartLineBytes: 200, maxHeaderBytes: 600, maxFieldCount: 12)

/// A request means one thing, however it arrives, and the same thing to whoever gets it from us.
func checkRequest(_ input: [UInt8]) {
    let (bytes, ends) = pieces(of: input)
    let whole = parseRequest(bytes, [bytes.count])
    precondition(parseRequest(bytes, ends) == whole, "the verdict depends on the pieces")
    guard case .complete(let summary, _) = whole else { return }
    var parser = HTTP1RequestParser()
    var head = RequestHead()
    guard (try? parser.parse(bytes.span, into: &head, limits: limits)) != nil else { return }
    var scratch: [UInt8] = []
    guard (try? head.canonicaliseTarget(scratch: &scratch)) != nil else { return }
    head.headers.removeHopByHopFields()
    head.headers.remove("expect")
    if head.withAuthority({ $0.isEmpty }) { head.setAuthority("upstream") }
    var output: [UInt8] = []
    guard (try? HTTP1Encoder.requestHead(head, into: &output)) != nil else {
        preconditionFailure("what was read cannot be written")
    }
    let more = HTTP1Limits(maxStartLineBytes: 4096, maxHeaderBytes: 4096, maxFieldCount: 32)
    guard case .complete(let again, let consumed) = parseRequest(output, [output.count], more) else {
        preconditionFailure("what was written cannot be read")
    }
    precondition(consumed == output.count, "more than one message was written")
    precondition(again.line[0] == summary.line[0], "another method")
    let framing = summary.framing == .none && again.framing == .length(0) ? .length(0) : summary.framing
    precondition(again.framing == framing, "another framing")
}

func checkResponse(_ input: [UInt8]) {
    let (bytes, ends) = pieces(of: input)
    for toHEAD in [false, true] {
        let whole = parseResponse(bytes, [bytes.count], toHEAD: toHEAD)
        precondition(parseResponse(bytes, ends, toHEAD: toHEAD) == whole, "the verdict depends on the pieces")
    }
    var parser = HTTP1ResponseParser(requestMethodIsHEAD: false)
    var head = ResponseHead()
    guard let consumed = try? parser.parse(bytes.span, into: &head, limits: limits), consumed > 0 else { return }
    head.headers.removeHopByHopFields()
    if head.framing == .untilClose { head.framing = .chunked }
    var output: [UInt8] = []
    guard (try? HTTP1Encoder.responseHead(head, into: &output)) != nil else { return }
    guard case .complete(let again, let count) = parseResponse(output, [output.count], toHEAD: false) else {
        preconditionFailure("what was written cannot be read")
    }
    precondition(count == output.count, "more than one message was written")
    precondition(again.line[0] == "\(head.status)", "another status")
}

/// Every split decodes like the whole.
func checkChunked(_ input: [UInt8]) {
    let whole = decode(input, [input.count])
    let splits = input.count <= 48 ? (0...input.count).map { [$0, input.count] } : [pieces(of: input).ends]
    for ends in splits + [Array(0...input.count)] where ends.last == input.count {
        let split = decode(input, ends)
        precondition(split.error == whole.error, "the error depends on the pieces")
        // How much was handed on before a fault may differ.
        if whole.error == nil { precondition(split == whole, "the content depends on the pieces") }
    }
}

// MARK: - Reading

private func parseRequest(_ bytes: [UInt8], _ ends: [Int], _ limits: HTTP1Limits = limits) -> Verdict<Summary> {
    var parser = HTTP1RequestParser()
    var head = RequestHead()
    for end in ends {
        do throws(HTTP1Error) {
            guard let consumed = try parser.parse(bytes.span.extracting(..<end), into: &head, limits: limits)
            else { continue }
            let line = [head.methodString, head.targetString, head.authorityString, "\(head.version)"]
            let summary = Summary(
                line: line, framing: head.framing, keepAlive: head.keepAlive, fields: fields(head.headers))
            return .complete(summary, consumed: consumed)
        } catch {
            return .refused(error)
        }
    }
    return .incomplete
}

private func parseResponse(_ bytes: [UInt8], _ ends: [Int], toHEAD: Bool) -> Verdict<Summary> {
    var parser = HTTP1ResponseParser(requestMethodIsHEAD: toHEAD)
    var head = ResponseHead()
    let limits = HTTP1Limits(maxStartLineBytes: 4096, maxHeaderBytes: 4096, maxFieldCount: 32)
    for end in ends {
        do throws(HTTP1Error) {
            guard let consumed = try parser.parse(bytes.span.extracting(..<end), into: &head, limits: limits)
            else { continue }
            let summary = Summary(
                line: ["\(head.status)", "\(head.version)"], framing: head.framing, keepAlive: head.keepAlive,
                fields: fields(head.headers))
            return .complete(summary, consumed: consumed)
        } catch {
            return .refused(error)
        }
    }
    return .incomplete
}

private struct Decoded: Equatable {
    var content: [UInt8] = []
    var trailers: [[UInt8]] = []
    var consumed = 0
    var isFinished = false
    var error: HTTP1Error?
}

private func decode(_ bytes: [UInt8], _ ends: [Int]) -> Decoded {
    var decoder = HTTP1BodyDecoder(framing: .chunked, maxTrailerBytes: 200, maxTrailerFields: 8)
    var trailers = HeaderBlock()
    var result = Decoded()
    for end in ends {
        do throws(HTTP1Error) {
            var content: [UInt8] = []
            result.consumed += try decoder.decode(
                bytes.span.extracting(result.consumed..<end), trailers: &trailers
            ) { piece in piece.withUnsafeBufferPointer { content += $0 } }
            result.content += content
        } catch {
            result.error = error
            return result
        }
    }
    result.trailers = fields(trailers)
    result.isFinished = decoder.isFinished
    return result
}

func fields(_ block: borrowing HeaderBlock) -> [[UInt8]] {
    var all: [[UInt8]] = []
    block.forEach { name, value, _ in
        all.append(name.withUnsafeBufferPointer { Array($0) })
        all.append(value.withUnsafeBufferPointer { Array($0) })
    }
    return all
}
