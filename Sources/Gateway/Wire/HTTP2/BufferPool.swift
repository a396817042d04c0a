/// Memory for what is on its way, used again from stream to stream and from connection to connection. Confined to one
/// thread.
///
/// A queue that grows with every response asks the system for fresh pages each time: measured at a fifth of the CPU of a
/// 64 KB response. What was given back last is given out first, while the processor's caches still hold it.
public final class BufferPool {
    /// Kept at most: 8 MB of bodies and 2 MB of frames.
    private static let keptBuffers = 64
    private static let keptBytes = 131_072
    private static let keptFrameBytes = 32_768

    private var buffers: [[UInt8]] = []
    private var frames: [UnsafeMutableBufferPointer<UInt8>] = []
    /// For decoding field blocks; nothing of it outlives a block.
    var scratch = HPACKScratch()

    public init() {
        buffers.reserveCapacity(Self.keptBuffers)
        frames.reserveCapacity(Self.keptBuffers)
    }

    deinit {
        for memory in frames { memory.deallocate() }
    }

    // MARK: - Bodies

    /// An empty array, mostly with capacity.
    func take() -> [UInt8] { buffers.popLast() ?? [] }

    func giveBack(_ buffer: consuming [UInt8]) {
        guard buffers.count < Self.keptBuffers, (1...Self.keptBytes).contains(buffer.capacity) else { return }
        buffer.removeAll(keepingCapacity: true)
        buffers.append(buffer)
    }

    // MARK: - Frames

    /// Gives an arena without memory some, if there is any.
    func lend(_ arena: inout Arena<UInt8>) {
        if let memory = frames.popLast() { arena.adopt(memory) }
    }

    /// Empties an arena and takes its memory.
    func giveBack(_ arena: inout Arena<UInt8>) {
        let memory = arena.surrender()
        if frames.count < Self.keptBuffers && (1...Self.keptFrameBytes).contains(memory.count) {
            frames.append(memory)
        } else {
            memory.deallocate()
        }
    }
}
