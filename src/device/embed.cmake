# Writes a text file as a C string: cmake -DFROM=scan.cl -DTO=scan_cl.c -DNAME=name -P embed.cmake
file(READ ${FROM} text HEX)
string(REGEX REPLACE "(................................)" "\\1\n" text "${text}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," text "${text}")
get_filename_component(file ${FROM} NAME)
file(WRITE ${TO} "/* ${file}, by embed.cmake */\nextern const char ${NAME}[];\nconst char ${NAME}[] = {\n${text}0};\n")
