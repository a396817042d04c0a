import Wire

/// A small body is kept until the response begins, so that a request can be sent again as long as that is safe: a POST that
/// an endpoint refused while it shut down must not be lost.
///
/// Bytes are never in both queues: what was sent moves from `requestBody` to `sentBody`, and back when there is another
/// attempt. A body that was gathered whole moves without a copy.
extension Exchange {
    /// Larger bodies are sent once. 16 KB hold nearly every call of an API, and cost little for as long as it takes to
    /// answer one.
    static let replayBytes = 16_384

    /// All that was sent of the body can be sent again.
    var bodyIsReplayable: Bool { sentBody.count == sentBytes }

    /// Sends the first `count` bytes of `requestBody`, at most 16 KB.
    func sendGathered(_ count: Int, to upstream: any Upstream) {
        requestBody.withFront(count) { upstream.sendBody($0) }
        let credit = count - min(count, rewoundBytes)
        rewoundBytes -= count - credit
        if sentBytes == 0 && count == requestBody.count && phase != .responding {
            sentBytes = count
            swap(&requestBody, &sentBody)
        } else {
            requestBody.withFront(count) { keepSent($0) }
            requestBody.removeFirst(count)
            worker.heldBytes -= count
        }
        if credit > 0 { downstream?.requestBodyConsumed(credit) }
    }

    /// Bytes that are being sent without having waited.
    func keepSent(_ bytes: Span<UInt8>) {
        let canKeep = bodyIsReplayable && sentBytes + bytes.count <= Self.replayBytes && phase != .responding
        sentBytes += bytes.count
        guard canKeep else { return dropSentBody() }
        sentBody.append(bytes)
        worker.heldBytes += bytes.count
    }

    /// There is another attempt: what was sent waits again.
    func rewindBody() {
        requestWasSent = false
        rewoundBytes += sentBody.count
        sentBytes = 0
        guard !sentBody.isEmpty else { return }
        requestBody.withFront { sentBody.append($0) }
        swap(&requestBody, &sentBody)
        sentBody.removeAll()
    }

    /// There is no further attempt.
    func dropSentBody() {
        guard !sentBody.isEmpty else { return }
        worker.heldBytes -= sentBody.count
        sentBody.removeAll()
    }
}
