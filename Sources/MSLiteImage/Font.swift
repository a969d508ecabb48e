/// Letters of 5 x 7 pixels for the characters of ASCII.
enum Font {
  static let columns = 5
  static let rows = 7

  /// A row's pixels, the left one in bit 4. Characters that the font has not are boxes.
  static func row(_ row: Int, of character: UInt8) -> UInt8 {
    if character < 0x20 || character > 0x7E { return row == 0 || row == rows - 1 ? 0b11111 : 0b10001 }
    let digit = glyphs.utf8Start[(Int(character) - 0x20) * rows + row]
    return digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
  }

  /// Seven digits to the base of 32 for each character, from the space on: its rows from the top.
  private static let glyphs: StaticString = """
    00000004444404aaa0000aavavaa4fke5u4op248j3cik8lidc4800002488842842224804lel40044v4400000c48000v00000000cc01248g0\
    ehjlphe4c4444eeh1248vv2421he26aiv22vgu11he68guhhev124444ehhehheehhf12c0cc0cc00cc0c48248g84200v0v008421248eh12404\
    eh1dlleehhvhhhuhhuhhuehggghesihhhisvgguggvvggugggehgnhhfhhhvhhhe44444e72222ichikokihggggggvhrllhhhhhpljhhehhhhhe\
    uhhugggehhhliduhhukihfgge11uv444444hhhhhhehhhhha4hhhlllahha4ahhhhha444v1248gve88888e0g84210e22222e4ah0000000000v\
    842000000e1fhfgguhhhu00ehghe11fhhhf00ehvge698s88800fhf1egguhhhh40c444e20622icggikokic44444e00qllll00uhhhh00ehhhe\
    00uhugg00fhf1100mpggg00fge1u88s889600hhhjd00hhha400hhlla00ha4ah00hhf1e00v248v244844244444448442448008l200
    """
}
